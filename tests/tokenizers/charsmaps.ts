/**
 * Compiled rules of normalisation, from strings and what replaces them.
 */
import { compileCharsmap } from "../../tokenizers/sentencepiece/charsmap_file.ts";
import type { RuleState } from "../../tokenizers/sentencepiece/charsmap_rules.ts";

/** Rules as SentencePiece compiles them. */
export function charsmapOf(rules: Readonly<Record<string, string>>): Uint8Array {
  const stateOf = (prefix: string): RuleState => ({
    value: rules[prefix] ?? "",
    next: new Map(
      Object.keys(rules).filter((key) => key.startsWith(prefix) && key !== prefix).map((key) => {
        const [character] = key.slice(prefix.length);
        const longer = prefix + character;
        return [character, { to: stateOf(longer), isRule: longer in rules }];
      }),
    ),
  });
  return compileCharsmap(stateOf(""));
}
