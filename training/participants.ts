/**
 * Who trains in a round: sampled sources, workers on the mixture, or the mixture itself.
 */
import { type SourceVocabulary, wholeVocabulary } from "./local_vocabulary.ts";
import { mixtureWindows, workerWindows } from "./mixture.ts";
import { heldBackWindows } from "../datasets/mod.ts";
import type { PretrainSettings } from "./settings.ts";
import { partOf, type RunSource, type SeedOf, sourceWindows, withText } from "./source.ts";
import { roundSources } from "./source_sampling.ts";
import { sourceVocabulary, type Variant } from "./variant.ts";
import type { CountedWindows } from "./windows.ts";

/** The only participant of a baseline's rounds. */
const mixtureName = "mixture";

export class Participants {
  readonly #variant: Variant;
  readonly #settings: PretrainSettings;
  readonly #sources: ReadonlyMap<string, RunSource>;
  readonly #whole: SourceVocabulary;

  constructor({ variant, settings, sources }: {
    readonly variant: Variant;
    readonly settings: PretrainSettings;
    readonly sources: readonly RunSource[];
  }) {
    this.#variant = variant;
    this.#settings = settings;
    this.#sources = new Map(sources.map((source) => [source.name, source]));
    this.#whole = wholeVocabulary(sources[0].train.vocabSize);
  }

  /** Names of those of a round (S_t), in the order in which their results are summed. */
  ofRound(round: number, seed: SeedOf): readonly string[] {
    const { model: { seqLen }, continuationShare } = this.#settings;
    if (this.#variant.mixture || this.#variant.workers) return this.names;
    const windows = new Map([...this.#sources].map(([name, { train }]) => {
      const all = Math.floor(train.tokens / seqLen);
      const heldBack = continuationShare === 0 ? 0 : heldBackWindows(all, continuationShare);
      return [name, all - heldBack];
    }));
    return roundSources({ ...this.#settings, windows }, round, seed);
  }

  /** All that may take part in a round, in the order of their names. */
  get names(): readonly string[] {
    const { sourcesPerRound } = this.#settings;
    if (this.#variant.mixture) return [mixtureName];
    return this.#variant.workers
      ? Array.from({ length: sourcesPerRound }, (_, worker) => workerName(worker))
      : [...this.#sources.keys()].sort();
  }

  /** How many a round has. */
  get perRound(): number {
    return this.#variant.mixture ? 1 : this.#settings.sourcesPerRound;
  }

  /** The source that a participant is; undefined for those that draw from all. */
  sourceOf(name: string): RunSource | undefined {
    return this.#variant.mixture || this.#variant.workers ? undefined : this.#sources.get(name);
  }

  /** For messages: `round 4, source it`; nothing for a baseline, which has no rounds to speak of. */
  placeOf(name: string, round: number): string | undefined {
    if (this.#variant.mixture) return undefined;
    return `round ${round}, ${this.#variant.workers ? name : `source ${name}`}`;
  }

  vocabularyOf(name: string): SourceVocabulary {
    return this.sourceOf(name) ? this.#ownVocabulary(name) : this.#whole;
  }

  /**
   * The vocabulary that a source is validated with: its own table over the pieces it has, a shared one whole, or cut to the source's rows
   * where the recipe says so.
   */
  validationVocabulary(source: string): SourceVocabulary {
    return this.#variant.sharesEmbeddings && !judgesByOwnRows(this.#variant, this.#settings)
      ? this.#whole
      : this.#ownVocabulary(source);
  }

  /** Made anew each time: a round has some of the sources, and there may be thousands. */
  #ownVocabulary(name: string): SourceVocabulary {
    const source = this.#sources.get(name)!;
    if ("vocabulary" in source) return source.vocabulary;
    const { train: { vocabSize }, localVocabulary } = source;
    return sourceVocabulary(this.#variant, { vocabSize, localVocabulary });
  }

  /** Where a participant's text comes from, from the beginning. */
  windowsOf(name: string, seed: SeedOf): CountedWindows {
    const { batchSize, sourcesPerRound, model: { seqLen }, continuationShare, windowOrder } =
      this.#settings;
    const cut = { seqLen, order: windowOrder, ...partOf("rest", continuationShare) };
    const { mixture, workers } = this.#variant;
    if (mixture) {
      return mixtureWindows(this.#texts(), mixture.tau, { ...cut, batchSize }, seed);
    }
    if (workers) {
      const worker = Number(name.slice(workerPrefix.length)) - 1;
      const shape = { ...cut, batchSize, worker, workers: sourcesPerRound };
      return workerWindows(this.#texts(), workers.tau, shape, seed);
    }
    const source = withText(this.#sources.get(name)!);
    return sourceWindows(this.#variant, source, this.vocabularyOf(name), cut, seed);
  }

  #texts() {
    return [...this.#sources.values()].map(withText);
  }
}

/** Whether a shared table is cut to a source's rows where the source is validated: nobody needs the rows of others for it. */
export function judgesByOwnRows(
  { cutsVocabulary, sharesEmbeddings }: Variant,
  { validationRows }: Pick<PretrainSettings, "validationRows">,
): boolean {
  return validationRows === "own" && cutsVocabulary && sharesEmbeddings;
}

const workerPrefix = "worker-";

/** Of equal length, so that the order of names is that of numbers. */
function workerName(worker: number): string {
  return workerPrefix + String(worker + 1).padStart(3, "0");
}
