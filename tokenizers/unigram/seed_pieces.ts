/**
 * The candidates that training starts from, and the lattice of all ways to write the text with them.
 *
 * Source: Kudo 2018, §3.2: all characters and the most frequent substrings, by frequency times length.
 */
import { specialPieces } from "../tokenizer.ts";
import type { UnigramConfig } from "./config.ts";
import { evenRanges, Lattice, type LatticeArrays, mostCandidates } from "./lattice.ts";
import { edgeStarts } from "./lattice_edges.ts";
import { type Allocate, zeros } from "./memory.ts";
import { byteName } from "./pieces.ts";
import { segmentFinder, type Segments } from "./segments.ts";
import { selectHighest } from "./selection.ts";
import { type GroupedPlaces, groupPlaces, type Substrings } from "./substrings.ts";
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
  const places = groupPlaces(segments, team.allocate);
  const { probabilities, shares, ...candidates } = await findCandidates(places, config, team);
  const { text, counts: segmentCounts, starts } = segments;
  const edgeCounts = team.allocate(Uint8Array, text.length);
  await team.all(shares.map((candidates) => ({ kind: "countEdges", candidates, edgeCounts })));
  const firstEdges = team.allocate(Int32Array, starts.length);
  const room = edgeStarts(segments, edgeCounts, firstEdges, team.allocate);
  await team.all(shares.map(() => ({ kind: "layEdges", room })));
  team.recycle(places.sorted);
  const lattice = new Lattice({
    alphabet: segments.alphabet,
    text,
    starts,
    segmentCounts,
    totalLength: segmentCounts.reduce((sum, n, s) => sum + n * (starts[s + 1] - starts[s]), 0),
    edgeCounts,
    firstEdges,
    edges: room.edges,
    ...candidates,
  });
  return { lattice, probabilities };
}

interface Candidates extends Pick<LatticeArrays, "size" | "lengths" | "segments" | "offsets"> {
  /** By candidate: its first probability. */
  readonly probabilities: Float64Array;
  /** By thread, by substring that it has found: its number as a candidate, -1 for none. */
  readonly shares: readonly Int32Array[];
}

async function findCandidates(
  places: GroupedPlaces,
  config: UnigramConfig,
  team: Team,
): Promise<Candidates> {
  const { groups, segments: { starts } } = places;
  const ranges = evenRanges(groups.length - 1, team.size, (group) => groups[group]);
  const maxLength = config.maxPieceLength;
  const found = await team.all<Substrings>(
    ranges.map((range) => ({ kind: "substrings", places, maxLength, range })),
  );
  const { size, shares } = chooseSeeds(places, found, config, team.allocate);
  const lengths = team.allocate(Uint8Array, size);
  const segments = team.allocate(Int32Array, size);
  const offsets = team.allocate(Uint8Array, size);
  const probabilities = team.allocate(Float64Array, size);
  const segmentAt = segmentFinder(places.segments);
  let total = 0; // whole numbers: exact in any order
  found.forEach(({ size, from, length, frequency }, share) => {
    const candidates = shares[share];
    for (let s = 0; s < size; s++) {
      const candidate = candidates[s];
      if (candidate < 0) continue;
      const place = places.sorted[from[s]];
      const segment = segmentAt(place);
      lengths[candidate] = length[s];
      segments[candidate] = segment;
      offsets[candidate] = place - (starts[segment] + segment);
      probabilities[candidate] = frequency[s] * length[s];
      total += probabilities[candidate];
    }
  });
  for (let i = 0; i < size; i++) probabilities[i] /= total;
  return { size, lengths, segments, offsets, probabilities, shares };
}

function chooseSeeds(
  places: GroupedPlaces,
  found: readonly Substrings[],
  config: UnigramConfig,
  allocate: Allocate,
): Pick<Candidates, "size" | "shares"> {
  const { alphabet } = places.segments;
  const isReserved = reservedTest(places, config);
  const scores = zeros(Float64Array, found.reduce((sum, { size }) => sum + size, 0));
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
  const shares = found.map((substrings) => {
    const { size, length } = substrings;
    const candidateOf = allocate(Int32Array, size).fill(-1);
    for (let s = 0; s < size; s++) {
      if (length[s] === 1) candidateOf[s] = character++;
      else if (!isReserved(substrings, s) && selected[next] === at++) {
        candidateOf[s] = alphabet.length + next++;
      }
    }
    return candidateOf;
  });
  return { size: alphabet.length + selected.length, shares };
}

/** Whether a substring looks like a piece that every vocabulary has: files tell pieces apart by their text. */
function reservedTest(
  { segments: { alphabet, text }, sorted, groups }: GroupedPlaces,
  config: UnigramConfig,
): (substrings: Substrings, s: number) => boolean {
  const reserved = new Set([
    ...specialPieces,
    ...Array.from({ length: 256 }, (_, byte) => byteName(byte)),
    ...config.userDefinedSymbols,
    ...config.controlSymbols,
  ]);
  // Most need no string: their first character tells them apart.
  const firsts = new Set([...reserved].map((piece) => piece.codePointAt(0)!));
  const mayBe = zeros(Uint8Array, sorted.length);
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
