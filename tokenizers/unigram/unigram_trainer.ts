/**
 * Trains a unigram vocabulary: EM over all segmentations, pruned round by round down to the size asked for.
 *
 * Source: Kudo 2018, "Subword regularization", §3.2; the M-step's digamma follows SentencePiece (Bayesian EM with a sparse
 * prior). The same documents give the same bytes: text sums are exact in any order (`exact_sum.ts`), and ties go by content.
 */
import { formatBytes, StageError } from "../../pipeline/base/mod.ts";
import { ByteStringCounter } from "./byte_string_counter.ts";
import { checkUnigramConfig, firstLearnedId, type UnigramConfig } from "./config.ts";
import { digamma } from "./digamma.ts";
import type { Lattice } from "./lattice.ts";
import { comparePieces, type UnigramPiece } from "./pieces.ts";
import { leastMissed } from "./pruning.ts";
import { seedPieces } from "./seed_pieces.ts";
import { cutIntoSegments } from "./segments.ts";
import { UnigramTokenizer } from "./unigram_tokenizer.ts";
import { wordEnd } from "./words.ts";

/** What is said on the way; a stage's log fits. */
export interface TrainingLog {
  info(message: string, fields?: Readonly<Record<string, number>>): void;
}

export interface TrainingOptions {
  readonly log?: TrainingLog;
  readonly signal?: AbortSignal;
}

/** Candidates expected less often than this in the whole text are dropped, as long as enough others are left. */
const leastCount = 0.5;
/** EM steps after the last pruning. */
const lastIterations = 2;

/**
 * Trains a unigram tokenizer of exactly `config.vocabSize` pieces on documents.
 *
 * @throws RangeError for a config out of range
 * @throws StageError when the text cannot fill the vocabulary, or its characters alone overfill it
 */
export async function trainUnigram(
  documents: AsyncIterable<{ readonly text: string }> | Iterable<{ readonly text: string }>,
  config: UnigramConfig,
  options: TrainingOptions = {},
): Promise<UnigramTokenizer> {
  checkUnigramConfig(config);
  const { log, signal } = options;
  const words = await countWords(documents, config.maxTextBytes, options);
  const segments = cutIntoSegments(words, config);
  const { lattice, probabilities: first } = seedPieces(segments, config);
  const target = config.vocabSize - firstLearnedId;
  checkSize(config, segments.alphabet.length, lattice.size);
  log?.info("counted", {
    words: words.size,
    segments: segments.counts.length,
    seeds: lattice.size,
  });

  let probabilities = first;
  let characterLogProb = -3; // nats, a usual value to begin with
  while (true) {
    const isLast = lattice.size === target;
    let counts: Float64Array = new Float64Array(lattice.size);
    for (let i = 0; i < (isLast ? lastIterations : config.subIterations); i++) {
      await pause(signal);
      const expectation = lattice.expect(probabilities, characterLogProb);
      counts = expectation.counts;
      characterLogProb = expectation.logLikelihood / lattice.totalLength;
      probabilities = maximize(lattice, counts, target);
    }
    log?.info("estimated", { pieces: lattice.size, natsPerCharacter: -characterLogProb });
    if (isLast) break;
    const size = Math.max(target, Math.floor(lattice.size * config.shrinkingFactor));
    const strong = probabilities.reduce((n, p) => p > 0 ? n + 1 : n, 0);
    const kept = leastMissed(lattice, counts, probabilities, Math.min(size, strong));
    lattice.keep(kept);
    probabilities = Float64Array.from(kept, (candidate) => probabilities[candidate]);
  }
  const pieces = Array.from(probabilities, (probability, candidate): UnigramPiece => ({
    text: lattice.text(candidate),
    logProb: Math.log(probability),
  }));
  return new UnigramTokenizer(pieces.sort(comparePieces));
}

async function countWords(
  documents: AsyncIterable<{ readonly text: string }> | Iterable<{ readonly text: string }>,
  maxTextBytes: number,
  { log, signal }: TrainingOptions,
): Promise<ByteStringCounter> {
  const words = new ByteStringCounter();
  const encoder = new TextEncoder();
  let total = 0;
  for await (const { text } of documents) {
    signal?.throwIfAborted();
    const bytes = encoder.encode(text);
    for (let at = 0, to = 0; at < bytes.length; at = to) {
      to = wordEnd(bytes, at, bytes.length);
      words.add(bytes, at, to, 1);
    }
    total += bytes.length;
    if (total >= maxTextBytes) {
      log?.info(`stopped reading at maxTextBytes (${formatBytes(maxTextBytes)})`);
      break;
    }
  }
  return words;
}

function checkSize(config: UnigramConfig, characters: number, seeds: number): void {
  const [least, most] = [characters + firstLearnedId, seeds + firstLearnedId];
  if (config.vocabSize < least) {
    throw new StageError(
      `Cannot train a unigram tokenizer: expected vocabSize to be at least ${least} (${characters} characters with a piece ` +
        `each, ${firstLearnedId} special and byte pieces), found ${config.vocabSize}; a lower characterCoverage ` +
        `(${config.characterCoverage}) needs fewer`,
    );
  }
  if (config.vocabSize > most) {
    throw new StageError(
      `Cannot train a unigram tokenizer: expected vocabSize to be at most ${most}, the largest possible for this text ` +
        `(${seeds} candidate pieces, ${firstLearnedId} special and byte pieces), found ${config.vocabSize}`,
    );
  }
}

/**
 * The M-step: probabilities from expected counts. Rare candidates get 0 while enough others are left for the target;
 * characters never do.
 */
function maximize(
  lattice: Lattice,
  counts: Float64Array,
  target: number,
): Float64Array<ArrayBuffer> {
  const isStrong = (count: number, i: number) => count >= leastCount || lattice.lengths[i] === 1;
  const strong = counts.reduce((n, count, i) => isStrong(count, i) ? n + 1 : n, 0);
  const mayDrop = strong >= target;
  const floored = Float64Array.from(
    counts,
    (count, i) => mayDrop && !isStrong(count, i) ? 0 : Math.max(count, leastCount),
  );
  const logTotal = digamma(floored.reduce((sum, count) => sum + count, 0)); // grid points: exact in any order
  return floored.map((count) => count === 0 ? 0 : Math.exp(digamma(count) - logTotal));
}

/** Lets a signal through between two long computations. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}
