/**
 * How a recipe lets invented languages differ: dialects, topics, drift.
 */
import assert from "node:assert/strict";
import { seedOf } from "../../base/mod.ts";
import type { Document } from "../../datasets/document.ts";
import { source } from "../../datasets/generators/language.ts";
import { languages } from "../../datasets/generators/languages.ts";
import { type Dialect, Lexicon } from "../../datasets/generators/lexicon.ts";

type Options = Parameters<typeof source.documents>[0];

/** Those from number `first` on of a split that has `count`. */
function documents(options: Options, first: number, count: number): Document[] {
  const seed = seedOf(17, "language_dials_test");
  return [
    ...Iterator.from(source.documents(options, "train", seed, first, count)).take(count - first),
  ];
}

Deno.test("language: a dialect has the share of own stems that was asked for, a larger one the same and more", () => {
  const stems = (dialect?: Dialect) =>
    new Lexicon(languages.velsan, dialect).words.map(({ stem }) => stem);
  const base = stems();
  const changed = (ownWords: number, name = "north") =>
    stems({ name, ownWords }).flatMap((stem, id) => stem === base[id] ? [] : [`${id} ${stem}`]);
  assert.equal(changed(0).length, 0);
  assert.equal(changed(0.25).length, Math.round(0.25 * base.length));
  assert.equal(changed(1).length, base.length);
  assert.deepEqual(new Set(changed(0.25)).difference(new Set(changed(0.5))), new Set());
  assert.equal(new Set(changed(1)).intersection(new Set(changed(1, "south"))).size, 0);
});

Deno.test("language: a dialect says the same things as often", () => {
  const entropy = (options: object) =>
    source.entropyBitsPerByte({ language: "velsan", ...options });
  // Stems of as many syllables: only the bytes of single letters differ.
  const whole = entropy({ dialect: "north", ownWords: 1 });
  assert.ok(Math.abs(whole / entropy({}) - 1) < 0.05, `${whole}`);
});

Deno.test("language: topics in turn are the documents of each topic alone, one part of the split after the other", () => {
  const [one, three] = [1, 3].map((topic) => ({ language: "velsan", topics: [topic] }));
  const drifting = { language: "velsan", topics: [1, 3], topicsInTurn: true };
  const expected = [
    ...documents(one, 0, 20).slice(0, 10),
    ...documents(three, 0, 20).slice(10),
  ];
  assert.deepEqual(documents(drifting, 0, 20), expected);
  assert.deepEqual(documents(drifting, 7, 20), expected.slice(7), "from a number on");
  const [a, b, both] = [one, three, drifting].map((it) => source.entropyBitsPerByte(it));
  assert.ok(Math.min(a, b) < both && both < Math.max(a, b), `${[a, b, both]}`);
});
