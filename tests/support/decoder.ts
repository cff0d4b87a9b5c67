/**
 * Reads generated text back into the choices that made it: independent of the code that writes text and sums entropy.
 */
import assert from "node:assert/strict";

export interface State {
  readonly key: string;
  readonly isBoundary: boolean;
  readonly branches: readonly {
    readonly text: string;
    readonly probability: number;
    readonly next: State;
  }[];
}

export interface Process {
  readonly openings: readonly State[];
  readonly minUnits: number;
  readonly maxUnits: number;
  readonly joints: readonly { readonly text: string; readonly weight: number }[];
}

/**
 * Every way to read `text` as a document of the process, as bits: −log₂ of its probability.
 * Two ways that meet in one place count as two.
 */
export function decode(process: Process, text: string): number[] {
  const jointTotal = process.joints.reduce((sum, { weight }) => sum + weight, 0);
  const readings: number[] = [];
  const open = process.openings.map((state) => ({ state, at: 0, units: 0, bits: 0 }));
  for (let reading = open.pop(); reading !== undefined; reading = open.pop()) {
    const { state, at, units, bits } = reading;
    for (const { text: written, probability, next } of state.branches) {
      if (!text.startsWith(written, at)) continue;
      const after = at + written.length;
      const cost = bits - Math.log2(probability);
      if (!next.isBoundary) {
        open.push({ state: next, at: after, units, bits: cost });
        continue;
      }
      // Uniform on minUnits … maxUnits, given that there are at least units + 1.
      const end = units + 1 < process.minUnits ? 0 : 1 / (process.maxUnits - units);
      if (after === text.length && end > 0) readings.push(cost - Math.log2(end));
      for (const joint of process.joints) {
        if (end === 1 || !text.startsWith(joint.text, after)) continue;
        open.push({
          state: next,
          at: after + joint.text.length,
          units: units + 1,
          bits: cost - Math.log2((1 - end) * joint.weight / jointTotal),
        });
      }
    }
  }
  return readings;
}

/**
 * Proves that a reader who knows the state and sees one word ahead can always tell which branch was taken, so that the
 * entropy of the choices is the entropy of the text: where one branch's words begin another's, the word that goes on with the
 * longer one cannot follow the shorter one.
 */
export function assertDecodable(process: Process): void {
  const seen = new Set(process.openings);
  const joints = process.joints.map(({ text }) => text);
  for (const [a, b] of pairs(joints)) {
    // "" and "\n\n" are told apart by what follows: a unit never begins with white space.
    assert.ok(a === "" ? /^\s/.test(b) : !b.startsWith(a), `joints ${JSON.stringify([a, b])}`);
  }
  for (const state of seen) {
    const total = state.branches.reduce((sum, { probability }) => sum + probability, 0);
    assert.ok(Math.abs(total - 1) < 1e-9, `probabilities of "${state.key}" sum to ${total}`);
    const byText = new Map<string, State>();
    for (const { text, next } of state.branches) {
      assert.ok(!byText.has(text), `"${state.key}" has "${text}" twice`);
      assert.ok(text !== "", `"${state.key}" has a branch without text`);
      assert.ok(!state.isBoundary || /^\S/.test(text), `"${state.key}" begins with white space`);
      byText.set(text, next);
      if (!next.isBoundary && /[\p{L}\p{M}\d_]$/u.test(text)) {
        // Words never run into each other: what follows a letter is no letter, but in a script without spaces.
        for (const { text: following } of next.branches) {
          assert.ok(/^[^\p{L}\p{M}\d_]|^\p{Script=Han}/u.test(following), `"${text}${following}"`);
        }
      }
      seen.add(next);
    }
    for (const longer of byText.keys()) {
      const words = wordsOf(longer);
      for (let n = 1; n < words.length; n++) {
        const shorter = words.slice(0, n).join("");
        const next = byText.get(shorter);
        if (next === undefined) continue;
        const at = `"${shorter}" and "${longer}" of "${state.key}"`;
        assert.ok(!next.isBoundary, `a unit may end between ${at}`);
        const following = next.branches.map(({ text }) => wordsOf(text)[0]);
        assert.ok(!following.includes(words[n]), `nothing tells apart ${at}`);
      }
    }
  }
}

/** Words with the space before them, numbers, Han characters and single other characters. */
function wordsOf(text: string): string[] {
  return text.match(/\p{Script=Han}| ?[\p{L}\p{M}_]+| ?\d+|[^]/gu) ?? [];
}

function pairs<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((a, i) => items.flatMap((b, j): [T, T][] => i === j ? [] : [[a, b]]));
}
