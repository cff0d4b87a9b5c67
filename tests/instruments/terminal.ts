/**
 * Ctrl-C in a real terminal (tmux), in each kind of stage: a run is stopped, says where, and goes on from there.
 *
 *     deno task instruments terminal [--kind pretrain] [--json]
 *
 * The run is started as documented, by `deno task`, which passes on a signal that the terminal has sent to all of its processes. Ends
 * with code 1 if a run did not go on from the place that the screen and `status` had said, or ended with other bytes than one that was
 * never stopped.
 */
import { parseArgs } from "node:util";
import type { RunEvent } from "../../pipeline/events.ts";
import { type Interruption, placeText } from "../../pipeline/checkpoint_notes.ts";
import { didYouMean, UsageError } from "../../base/mod.ts";
import type { StageProgress } from "../../pipeline/stage.ts";
import { outputDigests, pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { Terminal, whyNoTerminal } from "../support/terminal.ts";
import { eventsOf } from "../support/toy_cli.ts";

interface Kind {
  readonly target: string;
  /** What makes it long enough to be met at work. */
  readonly set: readonly string[];
  /** It takes a moment, says nothing while it works, and may begin again. */
  readonly isShort?: boolean;
}

const muchText =
  "sources={arithmetic: {generator: arithmetic, documents: {train: 30000, validation: 4000}}, " +
  "code: {generator: code, documents: {train: 100, validation: 20}}}";

export const kinds: Readonly<Record<string, Kind>> = {
  documents: { target: "documents/arithmetic/train", set: [muchText] },
  vocabulary: { target: "vocabulary/global", set: [muchText] },
  tokenize: { target: "tokenize/arithmetic/global", set: [muchText] },
  ngrams: { target: "ngrams/trigram", set: [muchText] },
  tune: { target: "tune/std-t0", set: ["tune.variants=[std-t0]", "pretrain.localSteps=300"] },
  pretrain: { target: "pretrain/trim", set: ["pretrain.localSteps=500"] },
  "pretrain-parallel": {
    target: "pretrain/trim",
    set: ["pretrain.localSteps=500", "pretrain.parallelSources=2"],
  },
  continue: { target: "continue/trim/random", set: ["continue.steps=1000"] },
  evaluate: { target: "evaluate/trim/random", set: [muchText] },
  finetune: { target: "finetune/trim/random/sentiment", set: ["finetune.epochs=100"] },
  table: { target: "table/cost", set: [], isShort: true },
};

/** What was seen of a run that was stopped and started again. */
export interface Stopped {
  readonly exitCode: number;
  /** What the terminal showed in the end. */
  readonly screen: string;
  /** What `status` said after the stop; null where nothing is left. */
  readonly interruption: Interruption | null;
  /** Whether the second run said that it goes on from a checkpoint. */
  readonly isResumed: boolean;
  /** The first that it reported. */
  readonly first?: Pick<StageProgress, "done" | "unit">;
  /** Whether it ended with the bytes of a run that was never stopped; absent where there was none. */
  readonly hasSameBytes?: boolean;
}

/**
 * Runs a kind of stage in a terminal, presses Ctrl-C when it is at work, and runs it again to its end.
 * @param before Called when it is at work.
 * @param compares Whether it is run once more, never stopped, to compare the bytes.
 */
export async function stopInTerminal(
  kind: Kind,
  folder: string,
  before: (terminal: Terminal) => Promise<void> | void = () => {},
  compares = true,
): Promise<Stopped> {
  const { target, set } = kind;
  const optionsOf = (store: string) => [
    ...["--recipe", tinyRecipe, "--store", `${folder}/${store}`],
    ...set.flatMap((one) => ["--set", one]),
  ];
  const options = optionsOf("store");
  const { exitCode, screen } = await interrupt(kind, options, folder, before);
  const status = await pipeline(["status", target, "--json", ...options]);
  const { instances } = JSON.parse(status.stdout) as {
    instances: { instance: string; interruption?: Interruption | null }[];
  };
  const { interruption = null } = instances.find(({ instance }) => instance === target)!;
  const again = await pipeline(["run", target, "--json", ...options]);
  if (again.code !== 0) throw new Error(`${target} did not end: ${again.stderr}`);
  const find = <Type extends RunEvent["type"]>(type: Type) =>
    eventsOf(again).find((event): event is Extract<RunEvent, { type: Type }> =>
      event.type === type && "instance" in event && event.instance === target
    );
  const state = find("progress")?.state;
  return {
    exitCode,
    screen,
    interruption,
    isResumed: find("started")?.isResumed === true,
    first: state && { done: state.done, unit: state.unit },
    hasSameBytes: compares ? await isAsPlain(target, folder, optionsOf("plain")) : undefined,
  };
}

/** Whether a run that is never stopped has the bytes of the store that is there. */
async function isAsPlain(
  target: string,
  folder: string,
  options: readonly string[],
): Promise<boolean> {
  const plain = await pipeline(["run", target, "--quiet", ...options]);
  if (plain.code !== 0) throw new Error(`${target} did not end: ${plain.stderr}`);
  const [made, expected] = ["store", "plain"].map((store) => outputDigests(`${folder}/${store}`));
  return JSON.stringify(made) === JSON.stringify(expected);
}

async function interrupt(
  { target, isShort }: Kind,
  options: readonly string[],
  folder: string,
  before: (terminal: Terminal) => Promise<void> | void,
): Promise<{ exitCode: number; screen: string }> {
  const command = [Deno.execPath(), "task", "-q", "pipeline", "run", target, ...options];
  using terminal = new Terminal(folder, command);
  const atWork = isShort
    ? new RegExp(`^start +${target} `, "m")
    : new RegExp(`^  … +${target} +\\w+ [1-9]`, "m");
  await until(terminal, () => atWork.test(terminal.text()));
  await before(terminal);
  terminal.press("C-c");
  await until(terminal, () => false);
  return { exitCode: terminal.exitCode()!, screen: terminal.text() };
}

/** Waits until something holds, or the command has ended. @throws Error after five minutes. */
async function until(terminal: Terminal, holds: () => boolean): Promise<void> {
  for (let waited = 0; waited < 300_000; waited += 50) {
    if (holds() || terminal.exitCode() !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited in vain; the terminal shows:\n${terminal.text()}`);
}

/** What is wrong with a run that was stopped; undefined if nothing is. */
export function fault(
  { isShort = false }: Kind,
  { exitCode, screen, interruption, isResumed, first, hasSameBytes }: Stopped,
): string | undefined {
  if (hasSameBytes === false) return "it ended with other bytes than a run that was never stopped";
  if (exitCode === 0) return isShort ? undefined : "it was not met at work";
  if (exitCode !== 130) return `exit code ${exitCode}`;
  if (!/Stopping \(SIGINT\)/.test(screen)) return "the screen does not say that it stops";
  if (interruption === null) return isShort ? undefined : "status knows of no stop";
  const { stoppedAt, hasCheckpoint } = interruption;
  if (isResumed !== hasCheckpoint) return "it goes on otherwise than status says";
  if (!hasCheckpoint) return isShort ? undefined : "it begins again";
  if (stoppedAt === undefined) return "nothing says where it was stopped";
  const said = `goes on from its last checkpoint (${placeText(stoppedAt)})`;
  if (!screen.replaceAll("\n", "").includes(said)) return `the screen does not say "${said}"`;
  if (first?.unit === stoppedAt.unit && first.done <= stoppedAt.done) {
    return `it went back from ${stoppedAt.done} to ${first.done} of ${stoppedAt.total}`;
  }
  return undefined;
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { kind: { type: "string" }, json: { type: "boolean", default: false } },
  });
  if (whyNoTerminal !== undefined) throw new UsageError(`Cannot try Ctrl-C: ${whyNoTerminal}`);
  const names = Object.keys(kinds);
  if (values.kind !== undefined && !names.includes(values.kind)) {
    throw new UsageError(
      `Cannot stop "${values.kind}": expected one of ${names.join(", ")}${
        didYouMean(values.kind, names)
      }`,
    );
  }
  for (const name of values.kind === undefined ? names : [values.kind]) {
    using folder = temporaryFolder();
    const stopped = await stopInTerminal(kinds[name], folder.path);
    const wrong = fault(kinds[name], stopped);
    if (wrong !== undefined) Deno.exitCode = 1;
    const { screen: _, ...seen } = stopped;
    if (values.json) console.log(JSON.stringify({ kind: name, wrong: wrong ?? null, ...seen }));
    else {console.log(
        `${wrong === undefined ? "ok" : "WRONG"}  ${name}  ${wrong ?? ""}  ${JSON.stringify(seen)}`,
      );}
  }
}
