/**
 * The candidates that training starts from, and the lattice of all ways to write the text with them.
 *
 * Source: Kudo 2018, §3.2: all characters and the most frequent substrings, by frequency times length.
 */
import { specialPieces } from "../tokenizer.ts";
import type { UnigramConfig } from "./config.ts";
import { Lattice, mostCandidates, type Range } from "./lattice.ts";
import { byteName } from "./pieces.ts";
import type { Segments } from "./segments.ts";
import { selectHighest } from "./selection.ts";
import { type PlacedText, placeText, type Substrings } from "./substrings.ts";
import { Team } from "./team.ts";

export interface Seed {
  readonly lattice: Lattice;
  /** By candidate: its first probability. */
  readonly probabilities: Float64Array;
}

/**
 * Every character, and the best `seedSize` substrings that are commoner than each of their extensions. Characters are the
 * first candidates, the rest follows in the order of its characters.
 */
export async function seedPieces(
  segments: Segments,
  config: UnigramConfig,
  team: Team = new Team(),
): Promise<Seed> {
  const text = placeText(segments, team.allocate);
  const ranges = evenRanges(text.groups, team.size);
  const found = await team.all<Substrings>(
    ranges.map((range) => ({
      kind: "substrings",
      text,
      maxLength: config.maxPieceLength,
      range,
    })),
  );
  const chosen = chooseSeeds(segments, text, found, config);
  const size = chosen.size;
  const lengths = new Uint8Array(team.allocate(size));
  const places = new Int32Array(team.allocate(size * 4));
  const probabilities = new Float64Array(team.allocate(size * 8));
  let total = 0; // whole numbers: exact in any order
  found.forEach(({ size, from, length, frequency }, share) => {
    const candidates = chosen.candidates[share];
    for (let s = 0; s < size; s++) {
      const candidate = candidates[s];
      if (candidate < 0) continue;
      lengths[candidate] = length[s];
      places[candidate] = text.sorted[from[s]];
      probabilities[candidate] = frequency[s] * length[s];
      total += probabilities[candidate];
    }
  });
  for (let i = 0; i < size; i++) probabilities[i] /= total;

  const firstEdge = new Int32Array(team.allocate((text.text.length + 1) * 4));
  await team.all(
    chosen.candidates.map((candidates) => ({ kind: "countEdges", candidates, firstEdge })),
  );
  let edgeCount = 0;
  for (let place = 0; place < firstEdge.length; place++) {
    const count = firstEdge[place];
    firstEdge[place] = edgeCount;
    edgeCount += count;
  }
  const edges = new Int32Array(team.allocate(edgeCount * 4));
  await team.all(ranges.map(() => ({ kind: "layEdges", edges })));
  const { alphabet, starts, counts } = segments;
  const lattice = new Lattice({
    alphabet,
    text: text.text,
    starts,
    segmentCounts: counts,
    totalLength: counts.reduce((sum, n, s) => sum + n * (starts[s + 1] - starts[s]), 0),
    firstEdge,
    edges,
    size,
    lengths,
    places,
  });
  return { lattice, probabilities };
}

/** Ranges of groups, with about as many places each. */
function evenRanges(groups: Int32Array, count: number): Range[] {
  const last = groups.length - 1;
  const ranges: Range[] = [];
  for (let i = 1, from = 0; i <= count; i++) {
    let to = from;
    while (to < last && (i === count || groups[to] < groups[last] * i / count)) to++;
    ranges.push({ from, to });
    from = to;
  }
  return ranges;
}

/** By share, by substring: its number as a candidate, -1 for none. */
interface ChosenSeeds {
  readonly size: number;
  readonly candidates: readonly Int32Array[];
}

function chooseSeeds(
  { alphabet }: Segments,
  text: PlacedText,
  found: readonly Substrings[],
  config: UnigramConfig,
): ChosenSeeds {
  const isReserved = reservedTest(alphabet, text, config);
  const scores = new Float64Array(found.reduce((sum, { size }) => sum + size, 0));
  let eligible = 0;
  for (const substrings of found) {
    const { size, length, frequency } = substrings;
    for (let s = 0; s < size; s++) {
      if (length[s] === 1 || isReserved(substrings, s)) continue;
      scores[eligible++] = frequency[s] * length[s];
    }
  }
  const most = Math.min(config.seedSize, mostCandidates) - alphabet.length;
  const selected = selectHighest(scores.subarray(0, eligible), most);
  let [character, at, next] = [0, 0, 0];
  const candidates = found.map((substrings) => {
    const { size, length } = substrings;
    const candidateOf = new Int32Array(size).fill(-1);
    for (let s = 0; s < size; s++) {
      if (length[s] === 1) candidateOf[s] = character++;
      else if (!isReserved(substrings, s) && selected[next] === at++) {
        candidateOf[s] = alphabet.length + next++;
      }
    }
    return candidateOf;
  });
  return { size: alphabet.length + selected.length, candidates };
}

/** Whether a substring is what a learned piece may not look like, since files tell pieces apart by their text. */
function reservedTest(
  alphabet: Int32Array,
  { text, sorted, groups }: PlacedText,
  config: UnigramConfig,
): (substrings: Substrings, s: number) => boolean {
  const reserved = new Set([
    ...specialPieces,
    ...Array.from({ length: 256 }, (_, byte) => byteName(byte)),
    ...config.userDefinedSymbols,
    ...config.controlSymbols,
  ]);
  // Most need no string: what they begin with tells them apart.
  const firsts = new Set([...reserved].map((piece) => piece.codePointAt(0)!));
  const mayBe = new Uint8Array(sorted.length);
  alphabet.forEach((codePoint, c) => {
    if (firsts.has(codePoint)) mayBe.fill(1, groups[c], groups[c + 1]);
  });
  return ({ from, length }, s) => {
    if (mayBe[from[s]] === 0) return false;
    const place = sorted[from[s]];
    const characters = Array.from(text.subarray(place, place + length[s]), (c) => alphabet[c]);
    return reserved.has(String.fromCodePoint(...characters));
  };
}
