/**
 * The candidates that training starts from, and the lattice of all ways to write the text with them.
 *
 * Source: Kudo 2018, §3.2: all characters and the most frequent substrings, by frequency times length.
 */
import { specialPieces } from "../tokenizer.ts";
import type { UnigramConfig } from "./config.ts";
import { Lattice } from "./lattice.ts";
import { byteName } from "./pieces.ts";
import type { Segments } from "./segments.ts";
import { selectHighest } from "./selection.ts";
import { growSubstrings, type Substrings } from "./substrings.ts";

export interface Seed {
  readonly lattice: Lattice;
  /** By candidate: its first probability. */
  readonly probabilities: Float64Array<ArrayBuffer>;
}

/** Every character, and the best `seedSize` substrings that are commoner than each of their extensions. */
export function seedPieces(segments: Segments, config: UnigramConfig): Seed {
  const substrings = growSubstrings(segments, config.maxPieceLength);
  const seeds = chooseSeeds(segments, substrings, config);
  const lattice = new Lattice(segments, {
    lengths: Uint8Array.from(seeds, (s) => substrings.length[s]),
    places: Int32Array.from(seeds, (s) => substrings.place[s]),
  }, latticeEdges(segments, substrings, seeds));
  const weights = Float64Array.from(seeds, (s) => substrings.frequency[s] * substrings.length[s]);
  const total = weights.reduce((sum, weight) => sum + weight, 0); // whole numbers: exact in any order
  return { lattice, probabilities: weights.map((weight) => weight / total) };
}

/** Substrings by number: first the whole alphabet, then the chosen ones. */
function chooseSeeds(
  segments: Segments,
  substrings: Substrings,
  config: UnigramConfig,
): Int32Array {
  const { size, frequency, extension, length } = substrings;
  const { alphabet } = segments;
  const characters = alphabet.length;
  const reserved = reservedPieces(config);
  const lastOfReserved = new Set([...reserved].map((text) => [...text].at(-1)!.codePointAt(0)!));
  // Most need no string: what they end with tells them apart.
  const isReserved = (s: number) =>
    lastOfReserved.has(alphabet[segments.characters[substrings.place[s] + length[s] - 1]]) &&
    reserved.has(textOf(segments, substrings, s));
  const longer: number[] = [];
  for (let s = characters; s < size; s++) {
    if (extension[s] < frequency[s] && !isReserved(s)) longer.push(s);
  }
  const scores = Float64Array.from(longer, (s) => frequency[s] * length[s]);
  const chosen = selectHighest(
    scores,
    config.seedSize - characters,
    (a, b) => compareSubstrings(segments, substrings, longer[a], longer[b]),
  );
  const seeds = new Int32Array(characters + chosen.length);
  for (let i = 0; i < characters; i++) seeds[i] = i;
  chosen.forEach((i, n) => seeds[characters + n] = longer[i]);
  return seeds;
}

/** What a learned piece may not look like, since files tell pieces apart by their text. */
function reservedPieces(config: UnigramConfig): Set<string> {
  return new Set([
    ...specialPieces,
    ...Array.from({ length: 256 }, (_, byte) => byteName(byte)),
    ...config.userDefinedSymbols,
    ...config.controlSymbols,
  ]);
}

/** A substring's text. */
function textOf(segments: Segments, substrings: Substrings, s: number): string {
  const { alphabet, characters } = segments;
  const start = substrings.place[s];
  const end = start + substrings.length[s];
  return String.fromCodePoint(...Array.from(characters.subarray(start, end), (c) => alphabet[c]));
}

function compareSubstrings(segments: Segments, substrings: Substrings, a: number, b: number) {
  const { place, length } = substrings;
  for (let i = 0; i < Math.min(length[a], length[b]); i++) {
    const difference = segments.characters[place[a] + i] - segments.characters[place[b] + i];
    if (difference !== 0) return difference;
  }
  return length[a] - length[b];
}

/** By place the candidates that begin there, shorter ones first. */
function latticeEdges(
  segments: Segments,
  substrings: Substrings,
  seeds: Int32Array,
): { first: Int32Array; candidates: Int32Array } {
  const candidateOf = new Int32Array(substrings.size).fill(-1);
  seeds.forEach((s, candidate) => candidateOf[s] = candidate);
  const first = new Int32Array(segments.characters.length + 1);
  for (const { substrings: at, starts, places } of substrings.levels) {
    for (let k = 0; k < at.length; k++) {
      if (candidateOf[at[k]] < 0) continue;
      for (let i = starts[k]; i < starts[k + 1]; i++) first[places[i] + 1]++;
    }
  }
  for (let place = 0; place < segments.characters.length; place++) first[place + 1] += first[place];
  const next = first.slice();
  const candidates = new Int32Array(first[segments.characters.length]);
  for (const { substrings: at, starts, places } of substrings.levels) {
    for (let k = 0; k < at.length; k++) {
      const candidate = candidateOf[at[k]];
      if (candidate < 0) continue;
      for (let i = starts[k]; i < starts[k + 1]; i++) candidates[next[places[i]]++] = candidate;
    }
  }
  return { first, candidates };
}
