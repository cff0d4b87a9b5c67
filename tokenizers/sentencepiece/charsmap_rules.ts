/**
 * Unicode's normal forms as rules that each replace the longest string they fit, one after the other from left to right, as
 * SentencePiece applies them.
 *
 * A normal form depends on a text's decomposition alone. So all strings with the same decomposition are one state here,
 * with one replacement and the same marks that may follow: `ộ`, `ọ` or `ô` with the other mark after it, `o` with both in
 * either order, and all of these with `ｏ` or `𝐨`.
 *
 * Known are: every character by itself; a letter with any two of the marks that compose with it, in any order, or with all
 * those of a composed character; Hangul in every spelling; two marks of one script that stand in the wrong order, three for
 * Hebrew and Arabic. Not known, and left as they are: longer runs of marks in the wrong order; a mark twice; one that composes
 * with a letter across another that does not; one after a character that stands for several (`ﬁ`), or after a control
 * character that is removed.
 *
 * Source: SentencePiece, `builder.cc`, `BuildNFKCMap`. Differs: it takes composed characters only, and no order but their own.
 */
import { type NormalizationRule, ruleOf } from "../unigram/normalizer.ts";

/** The text that was read since the start of a rule. */
export interface RuleState {
  /** Its replacement. */
  readonly value: string;
  /** By character. */
  readonly next: Map<string, RuleStep>;
}

interface RuleStep {
  readonly to: RuleState;
  /** A rule ends here: without it the rules for its parts would give something else. */
  readonly isRule: boolean;
}

/** Marks of Latin, Greek and Cyrillic; in texts only those meet that compose. */
const european = /[\u0300-\u0345]/;
/** Marks of Hebrew, Arabic, and South Asia. */
const scripts = [/[\u0591-\u05c7]/, /[\u0610-\u06ed]/, /[\u0900-\u0fff]/] as const;
/** Hebrew and Arabic: several points go with one letter. */
const pointed = [
  { letter: /[\u05d0-\u05ea]/, point: /[\u05b0-\u05c2]/ },
  { letter: /[\u0620-\u064a\u06c1-\u06d5]/, point: /[\u064b-\u0655\u0670]/ },
] as const;

/** The rules for a normal form, from the state in which nothing has been read. The Unicode version is the runtime's. */
export function normalFormRules(rule: Exclude<NormalizationRule, "identity">): RuleState {
  const normalize = ruleOf(rule);
  const decompose = (text: string) => text.normalize(rule === "nfc" ? "NFD" : "NFKD");
  const characters = assignedCharacters();
  const { strings, followers } = knownStrings(characters, decompose);
  const spelt = Map.groupBy(characters, decompose);
  const states = new Map<string, RuleState>();
  const stateOf = (parts: string): RuleState => {
    const found = states.get(parts);
    if (found !== undefined) return found;
    const state: RuleState = { value: normalize(parts), next: new Map() };
    states.set(parts, state);
    const [first] = parts;
    for (const follower of followers.get(first) ?? []) {
      for (const character of spelt.get(follower) ?? []) {
        const longer = decompose(parts + character);
        if (!strings.has(longer)) continue;
        const to = stateOf(longer);
        const isRule = to.value !== state.value + normalize(character);
        if (isRule || to.next.size > 0) state.next.set(character, { to, isRule });
      }
    }
    return state;
  };
  const start: RuleState = { value: "", next: new Map() };
  for (const character of characters) {
    const value = normalize(character);
    const parts = decompose(character);
    const isKnown = strings.has(parts) && normalize(parts) === value;
    const to = isKnown ? stateOf(parts) : { value, next: new Map() };
    const isRule = value !== character;
    if (isRule || to.next.size > 0) start.next.set(character, { to, isRule });
  }
  return start;
}

interface KnownStrings {
  /** Decomposed strings that are states. */
  readonly strings: Set<string>;
  /** By the first character of such a string: the marks that it may go on with. */
  readonly followers: Map<string, Set<string>>;
}

function knownStrings(
  characters: readonly string[],
  decompose: (text: string) => string,
): KnownStrings {
  const strings = new Set<string>();
  const followers = new Map<string, Set<string>>();
  /** A character with any of some marks. */
  const learn = (first: string, marks: readonly string[]) => {
    const all = followers.get(first) ?? new Set();
    followers.set(first, all);
    for (const mark of marks) all.add(mark);
    for (let subset = 0; subset < 1 << marks.length; subset++) {
      const chosen = marks.filter((_, i) => (subset >> i & 1) === 1);
      strings.add(decompose(first + chosen.join("")));
    }
  };
  const marks = [...marksAmong(characters)];
  const composing = new Set<string>();
  for (const character of characters) {
    const [first, ...rest] = character.normalize("NFD");
    if (rest.length === 0 || character.normalize("NFC") !== character) continue;
    learn(first, rest);
    for (const mark of rest) composing.add(mark);
  }
  for (const [letter, all] of followers) {
    for (const pair of pairsOf(marks.filter((mark) => all.has(mark)))) learn(letter, pair);
  }
  const meeting = [
    marks.filter((mark) => european.test(mark) && composing.has(mark)),
    ...scripts.map((script) => marks.filter((mark) => script.test(mark))),
  ];
  for (const some of meeting) {
    for (const [first, second] of pairsOf(some)) learn(first, [second]);
  }
  for (const { letter, point } of pointed) {
    const some = marks.filter((mark) => point.test(mark));
    for (const [first, all] of followers) {
      if (!letter.test(first)) continue;
      for (const mark of [...all]) for (const one of some) learn(first, [mark, one]);
    }
    for (const first of some) for (const pair of pairsOf(some)) learn(first, pair);
  }
  return { strings, followers };
}

/** All characters that text can hold. NUL ends strings in SentencePiece. */
function assignedCharacters(): string[] {
  const characters: string[] = [];
  for (let codePoint = 1; codePoint <= 0x10ffff; codePoint++) {
    const character = String.fromCodePoint(codePoint);
    if (/\P{C}|[\p{Cc}\p{Cf}]/u.test(character)) characters.push(character);
  }
  return characters;
}

/** Characters that change places with others: those with a combining class. Decomposed ones only. */
function marksAmong(characters: readonly string[]): Set<string> {
  const [lowest, highest] = ["\u0334", "\u0345"]; // of class 1 and 240
  const moves = (text: string) => text.normalize("NFD") !== text;
  return new Set(
    characters.filter((c) => !moves(c) && (moves(c + lowest) || moves(highest + c))),
  );
}

function pairsOf(items: readonly string[]): [string, string][] {
  return items.flatMap((a) => items.filter((b) => b !== a).map((b): [string, string] => [a, b]));
}
