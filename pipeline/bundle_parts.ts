/**
 * Which module has which part of a bundle, by the bundle's source map: what names a change of code.
 */
import { sha256 } from "../base/mod.ts";

/** Of a source map (revision 3) what is read here. */
interface SourceMap {
  readonly sources: readonly string[];
  readonly mappings: string;
}

/** Digits of a digest: enough to tell one state of a module from another. */
const digits = 16;

/** A digest of the text that each source has in a bundle, by the source's path as the map gives it. */
export function digestParts(code: string, map: SourceMap): Record<string, string> {
  const parts = new Map<string, string[]>();
  const lines = code.split("\n");
  let owner: string | undefined;
  const give = (text: string) => {
    if (owner === undefined || text === "") return;
    if (!parts.has(owner)) parts.set(owner, []);
    parts.get(owner)!.push(text);
  };
  let source = 0;
  map.mappings.split(";").forEach((segments, at) => {
    let column = 0;
    let done = 0;
    const line = lines[at] ?? "";
    for (const segment of segments === "" ? [] : segments.split(",")) {
      const [columnStep, sourceStep] = decodeVlq(segment);
      column += columnStep;
      if (sourceStep === undefined) continue;
      source += sourceStep;
      const next = map.sources[source];
      if (next === owner) continue;
      give(line.slice(done, column));
      [owner, done] = [next, column];
    }
    give(line.slice(done));
  });
  return Object.fromEntries(
    [...parts].sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, texts]) => [path, sha256(texts.join("\n")).slice(0, digits)]),
  );
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base 64 digits of 5 bits and a bit that says "more"; the lowest bit of a number is its sign. */
function decodeVlq(text: string): number[] {
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const digit of text) {
    const bits = alphabet.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >>> 1) : value >>> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}
