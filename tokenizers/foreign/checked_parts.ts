/**
 * Parts of a `tokenizer.json` at which the library would end the whole process instead of refusing the file.
 */
import { Charsmap } from "../sentencepiece/charsmap.ts";

/** The library refuses files that are nested deeper. */
const mostDepth = 128;

/** @throws RangeError that says what was expected and found */
export function checkParts(file: { readonly model?: unknown }): void {
  const { model: _, ...parts } = file; // large, and refused where it is wrong
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

function checkPart(
  part: { type?: unknown; precompiled_charsmap?: unknown; pattern?: unknown },
): void {
  if (part.type === "Precompiled" && !isCharsmap(part.precompiled_charsmap)) {
    throw new RangeError("expected rules in precompiled_charsmap, found none or damaged ones");
  }
  const { String: text } = (part.pattern ?? {}) as { String?: unknown };
  if (text === "") throw new RangeError("expected a pattern of some text, found an empty one");
}

function isCharsmap(value: unknown): boolean {
  try {
    return new Charsmap(Uint8Array.fromBase64(String(value))).isClosed;
  } catch {
    return false;
  }
}
