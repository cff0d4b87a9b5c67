/**
 * Trains a unigram vocabulary: EM over all segmentations, pruned round by round down to the size asked for.
 *
 * Source: Kudo 2018, "Subword regularization", §3.2; the M-step's digamma follows SentencePiece (Bayesian EM with a sparse
 * prior). The same documents give the same bytes, in any order, with any number of threads and any budget of memory: text
 * sums are exact in any order (`exact_sum.ts`), and ties go by content.
 */
import { SavePoints, StageError } from "../../base/mod.ts";
import { checkUnigramConfig, firstLearnedId, reservedRows, type UnigramConfig } from "./config.ts";
import { digamma } from "./digamma.ts";
import type { Lattice } from "./lattice.ts";
import { LatticeSearch } from "./lattice_search.ts";
import { comparePieces, type UnigramPiece } from "./pieces.ts";
import { readSegments } from "./read_segments.ts";
import { type Seed, seedPieces } from "./seed_pieces.ts";
import { Team } from "./team.ts";
import { Threads } from "./threads.ts";
import { TrainingCheckpoint } from "./training_checkpoint.ts";
import type { Documents, TrainingOptions } from "./training_options.ts";
import { UnigramTokenizer } from "./unigram_tokenizer.ts";

/** Candidates expected less often than this in the whole text are dropped, as long as enough others are left. */
const leastCount = 0.5;
/** EM steps after the last pruning. */
const lastIterations = 2;
const defaultCheckpointMs = 2000;
/** Threads that do not run yet cost more than they bring for segments shorter than this. */
const threadedCharacters = 2_000_000;

/** Trains a unigram tokenizer of exactly `config.vocabSize` rows on documents. Throws as `trainPieces` does. */
export async function trainUnigram(
  documents: Documents,
  config: UnigramConfig,
  options: TrainingOptions = {},
): Promise<UnigramTokenizer> {
  return new UnigramTokenizer(await trainPieces(documents, config, options), config);
}

/**
 * Learns the pieces of a vocabulary of exactly `config.vocabSize` rows: as many as special and byte pieces and symbols
 * leave room for, likeliest first.
 *
 * @throws RangeError for a config out of range
 * @throws StageError when the text cannot fill the vocabulary, or its characters alone overfill it
 */
export async function trainPieces(
  documents: Documents,
  config: UnigramConfig,
  options: TrainingOptions = {},
): Promise<UnigramPiece[]> {
  checkUnigramConfig(config);
  const { checkpointFolder, threads: count = 1, eagerThreads } = options;
  const checkpoint = checkpointFolder === undefined
    ? undefined
    : new TrainingCheckpoint(checkpointFolder, config);
  const threads = new Threads(count - 1, eagerThreads);
  try {
    const segments = await readSegments(documents, config, threads, checkpoint, options);
    checkSymbols(config, segments.alphabet);
    const isWorthIt = threads.isEager || threads.areStarted ||
      segments.text.length >= threadedCharacters;
    const team = new Team(isWorthIt ? threads.all() : []);
    const seed = await seedPieces(segments, config, team);
    checkSize(config, segments.alphabet.length, seed.lattice.size);
    options.log?.info("seeded", { seeds: seed.lattice.size });
    const probabilities = await search(seed, config, team, checkpoint, options);
    const pieces = Array.from(probabilities, (probability, candidate): UnigramPiece => ({
      text: seed.lattice.text(candidate),
      logProb: Math.log(probability),
    }));
    return pieces.sort(comparePieces);
  } finally {
    threads.close();
  }
}

/** EM and pruning in turn, until the lattice holds what the vocabulary has room for. Returns its probabilities. */
async function search(
  { lattice, probabilities: first }: Seed,
  config: UnigramConfig,
  team: Team,
  checkpoint: TrainingCheckpoint | undefined,
  { log, signal, checkpointMs = defaultCheckpointMs }: TrainingOptions,
): Promise<Float64Array> {
  const target = config.vocabSize - reservedRows(config);
  const search = new LatticeSearch(lattice, first, team);
  await search.open();
  let characterLogProb = -3; // nats, a usual value to begin with
  let [rounds, iterations] = [0, 0];
  let survivors = new Int32Array(lattice.size).map((_, seed) => seed);
  const saved = checkpoint?.readRound();
  if (saved !== undefined) {
    ({ rounds, iterations, characterLogProb, kept: survivors } = saved);
    search.keep(survivors);
    search.probabilities.set(saved.probabilities);
  }
  const total = rounds + roundsLeft(lattice.size, target, config.shrinkingFactor) + 1;
  const points = new SavePoints({
    signal: signal ?? new AbortController().signal,
    everyMs: checkpointMs,
    save: () => {
      const { probabilities } = search;
      checkpoint?.writeRound({
        ...{ rounds, iterations, characterLogProb },
        ...{ kept: survivors, probabilities },
      });
    },
  });
  while (true) {
    const isLast = lattice.size === target;
    for (; iterations < (isLast ? lastIterations : config.subIterations); iterations++) {
      await pause(signal);
      points.pass();
      const logLikelihood = await search.expect(characterLogProb);
      characterLogProb = logLikelihood / lattice.arrays.totalLength;
      maximize(lattice, search.counts, target, search.probabilities);
    }
    log?.info("estimated", { pieces: lattice.size, natsPerCharacter: -characterLogProb });
    rounds++;
    iterations = 0;
    log?.progress?.({ done: Math.min(rounds, total), total, unit: "rounds" });
    if (isLast) return search.probabilities;
    const size = Math.max(target, Math.floor(lattice.size * config.shrinkingFactor));
    const kept = await search.prune(Math.min(size, countPositive(search.probabilities)));
    for (let i = 0; i < kept.length; i++) survivors[i] = survivors[kept[i]];
    survivors = survivors.subarray(0, kept.length);
  }
}

/** Rounds of pruning from one size to another, at most: candidates without a use go sooner. */
function roundsLeft(size: number, target: number, shrinkingFactor: number): number {
  let rounds = 0;
  for (; size > target; rounds++) size = Math.max(target, Math.floor(size * shrinkingFactor));
  return rounds;
}

/** A character cannot have a piece beside a control symbol that looks the same. */
function checkSymbols(config: UnigramConfig, alphabet: Int32Array): void {
  const characters = new Set(Array.from(alphabet, (codePoint) => String.fromCodePoint(codePoint)));
  const clash = config.controlSymbols.find((symbol) => characters.has(symbol));
  if (clash === undefined) return;
  throw new StageError(
    `Cannot train a unigram tokenizer: expected controlSymbols that are no characters of the text, found ${
      JSON.stringify(clash)
    }; give it a longer name`,
  );
}

function checkSize(config: UnigramConfig, characters: number, seeds: number): void {
  const reserved = reservedRows(config);
  const kinds = reserved > firstLearnedId
    ? "special and byte pieces and symbols"
    : "special and byte pieces";
  const [least, most] = [characters + reserved, seeds + reserved];
  if (config.vocabSize < least) {
    throw new StageError(
      `Cannot train a unigram tokenizer: expected vocabSize to be at least ${least} (${characters} characters with a piece ` +
        `each, ${reserved} ${kinds}), found ${config.vocabSize}; a lower characterCoverage ` +
        `(${config.characterCoverage}) needs fewer`,
    );
  }
  if (config.vocabSize > most) {
    throw new StageError(
      `Cannot train a unigram tokenizer: expected vocabSize to be at most ${most}, the largest possible for this text ` +
        `(${seeds} candidate pieces, ${reserved} ${kinds}), found ${config.vocabSize}` +
        (seeds === 0 ? "; the text is empty" : ""),
    );
  }
}

/**
 * The M-step: probabilities from expected counts. Rare candidates get 0 while enough others are left for the target;
 * characters never do.
 */
function maximize(
  { arrays: { lengths } }: Lattice,
  counts: Float64Array,
  target: number,
  probabilities: Float64Array,
): void {
  let strong = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] >= leastCount || lengths[i] === 1) strong++;
  }
  const mayDrop = strong >= target;
  let total = 0; // of grid points: exact in any order
  for (let i = 0; i < counts.length; i++) {
    const isDropped = mayDrop && counts[i] < leastCount && lengths[i] !== 1;
    probabilities[i] = isDropped ? 0 : Math.max(counts[i], leastCount);
    total += probabilities[i];
  }
  const logTotal = digamma(total);
  for (let i = 0; i < counts.length; i++) {
    if (probabilities[i] > 0) probabilities[i] = Math.exp(digamma(probabilities[i]) - logTotal);
  }
}

function countPositive(values: Float64Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > 0) count++;
  return count;
}

/** Lets a signal through between two long computations. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  if (signal !== undefined) await new Promise((resolve) => setTimeout(resolve));
}
