/**
 * Parts of a `tokenizer.json` at which the library would end the whole process instead of refusing the file, or would lose or
 * repeat text.
 */
import { Charsmap } from "../sentencepiece/charsmap.ts";

/** The library refuses files that are nested deeper. */
const mostDepth = 128;

/** @throws RangeError that says what was expected and found */
export function checkParts(file: { readonly model?: Model }): void {
  const { model, ...parts } = file;
  checkModel(model ?? {}); // large, and refused where it is wrong otherwise
  const waiting: [value: unknown, depth: number][] = [[parts, 0]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [value, depth] = next;
    if (typeof value !== "object" || value === null) continue;
    if (depth > mostDepth) {
      throw new RangeError(`expected at most ${mostDepth} levels, found more`);
    }
    checkPart(value);
    for (const child of Object.values(value)) waiting.push([child, depth + 1]);
  }
}

interface Model {
  readonly merges?: unknown;
  readonly continuing_subword_prefix?: unknown;
}

/** The library cuts the prefix off from the second part of each merge. */
function checkModel({ merges, continuing_subword_prefix: prefix }: Model): void {
  if (typeof prefix !== "string" || prefix === "" || !Array.isArray(merges)) return;
  for (const merge of merges) {
    const second = typeof merge === "string" ? merge.split(" ")[1] : merge?.[1];
    if (typeof second !== "string" || second.startsWith(prefix)) continue;
    throw new RangeError(
      `expected merges whose second part begins with ${JSON.stringify(prefix)}, found ${
        JSON.stringify(second)
      }`,
    );
  }
}

interface Part {
  readonly type?: unknown;
  readonly precompiled_charsmap?: unknown;
  readonly pattern?: { readonly String?: unknown; readonly Regex?: unknown } | null;
  readonly length?: unknown;
  readonly prepend?: unknown;
  readonly single?: unknown;
}

function checkPart(part: Part): void {
  const { type, precompiled_charsmap, pattern, length, prepend, single } = part;
  const fail = (expected: string, found: string): never => {
    throw new RangeError(`expected ${expected}, found ${found}`);
  };
  if (type === "Precompiled" && !isCharsmap(precompiled_charsmap)) {
    fail("rules in precompiled_charsmap", "none or damaged ones");
  }
  if (type === "Replace" && (pattern?.String === "" || matchesAtEnd(pattern?.Regex))) {
    fail("a pattern of some text to replace", "one that fits after the last character");
  }
  if (type === "Prepend" && prepend === "") fail("some text to prepend", "none");
  if (type === "FixedLength" && length === 0) fail("a length of 1 or more", "0");
  if (type === "TemplateProcessing" && Array.isArray(single)) {
    const texts = single.filter((part) => part?.Sequence !== undefined).length;
    if (texts !== 1) fail("a template that has the text once", `it ${texts} times`);
  }
}

/** Whether an expression finds something after the last character. One that JavaScript does not know is left to the library. */
function matchesAtEnd(expression: unknown): boolean {
  try {
    if (typeof expression !== "string") return false;
    return [..."x".matchAll(new RegExp(expression, "gu"))].some(({ index }) => index === 1);
  } catch {
    return false;
  }
}

function isCharsmap(value: unknown): boolean {
  try {
    return new Charsmap(Uint8Array.fromBase64(String(value))).isClosed;
  } catch {
    return false;
  }
}
