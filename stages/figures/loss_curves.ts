/**
 * Losses along training runs, as a figure: a panel for each stage, of training and of validation.
 *
 * Points stand at sequential steps. Of pre-training they are the rounds: the mean loss of local training in a round, in the source's
 * own vocabulary, and the loss on validation text after it.
 */
import { meanOf } from "../report/cells.ts";
import type { MetricsRow } from "../report/run_metrics.ts";
import type { Figure, Point, Series } from "./figure.ts";

/** A training run and its rows. */
interface TrainingRun {
  readonly instance: string;
  /** Of `metrics.jsonl`. While a run is under way, the last line may be a part of one. */
  readonly text: string;
}

export interface LossFigureOptions {
  /** A line for each source in place of their mean. */
  readonly bySource?: boolean;
}

const splits = ["training", "validation"] as const;
type Split = (typeof splits)[number];

/** Losses of a run in nats a token: by split, then by source. The mean over sources stands under "". */
type Losses = Readonly<Record<Split, ReadonlyMap<string, readonly Point[]>>>;

/** Panels without a point are left out. */
export function lossFigure(
  runs: readonly TrainingRun[],
  { bySource = false }: LossFigureOptions = {},
): Figure {
  const losses = runs.map(({ instance, text }) => [instance, lossesOf(rowsOf(text))] as const);
  const stages = [...new Set(losses.map(([instance]) => instance.split("/")[0]))];
  const panels = stages.flatMap((stage) =>
    splits.map((split) => ({
      title: `${stage}: ${split} loss`,
      y: "nats a token",
      isLogarithmic: false,
      series: losses.filter(([instance]) => instance.startsWith(`${stage}/`))
        .flatMap(([instance, found]) => seriesOf(instance, found[split], bySource)),
    }))
  ).filter(({ series }) => series.length > 0);
  return {
    name: "curves",
    title: "Losses along training",
    x: "step",
    panels,
    notes: bySource ? [] : ["mean over sources"],
  };
}

function seriesOf(
  instance: string,
  curves: ReadonlyMap<string, readonly Point[]>,
  bySource: boolean,
): Series[] {
  const label = instance.slice(instance.indexOf("/") + 1);
  return [...curves].filter(([source, points]) => points.length > 0 && bySource === (source !== ""))
    .map(([source, points]) => ({
      label: source === "" ? label : `${label} ${source}`,
      points,
      from: [`${instance}#metrics`],
    }));
}

/** Rows of whole lines. */
function rowsOf(text: string): MetricsRow[] {
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line) as MetricsRow);
}

function lossesOf(rows: readonly MetricsRow[]): Losses {
  const training = new Curves();
  const validation = new Curves();
  const ends = new Map<number, number>(); // of rounds: the step at which local training ended
  for (const row of rows) {
    switch (row.kind) {
      case "local":
        if (row.step === undefined) break; // it was left out
        ends.set(row.round, Math.max(row.step, ends.get(row.round) ?? 0));
        if (typeof row.lossNatsMean === "number") {
          training.add(row.source, row.step, row.lossNatsMean);
        }
        break;
      case "round": {
        const step = ends.get(row.round);
        if (step === undefined) break;
        for (const [source, { lossNats }] of Object.entries(row.validation)) {
          validation.add(source, step, lossNats);
        }
        break;
      }
      case "steps":
        training.add("all sources", row.step, row.lossNatsMean);
        break;
      case "validation":
        for (const [source, lossNats] of Object.entries(row.lossNats)) {
          validation.add(source, row.step, lossNats);
        }
    }
  }
  return { training: training.withMean(), validation: validation.withMean(true) };
}

/** Losses by source and step. */
class Curves {
  readonly #bySource = new Map<string, Map<number, number>>();

  add(source: string, step: number, lossNats: number): void {
    if (!this.#bySource.has(source)) this.#bySource.set(source, new Map());
    this.#bySource.get(source)!.set(step, lossNats);
  }

  /** @param ofAll Whether a mean is taken only where every source has a loss: others would not be comparable. */
  withMean(ofAll = false): Map<string, readonly Point[]> {
    const sources = [...this.#bySource.keys()].sort();
    const steps = [...new Set([...this.#bySource.values()].flatMap((curve) => [...curve.keys()]))];
    const mean = steps.sort((a, b) => a - b).flatMap((x): Point[] => {
      const values = sources.map((source) => this.#bySource.get(source)!.get(x))
        .filter((value) => value !== undefined);
      return ofAll && values.length < sources.length ? [] : [{ x, y: meanOf(values) }];
    });
    return new Map<string, readonly Point[]>([
      ["", mean],
      ...sources.map((source): [string, Point[]] => [
        source,
        [...this.#bySource.get(source)!].sort(([a], [b]) => a - b).map(([x, y]) => ({ x, y })),
      ]),
    ]);
  }
}
