/**
 * How long a run takes to answer a signal and to stop, at each kind of stage: `deno task bench runner --case stop`.
 *
 * An undisturbed run is made first. Then, for each stage, the result of one instance is forgotten, the instance is run again
 * and gets SIGTERM when a share of its time has passed; started again it must end with the bytes of the undisturbed run.
 */
import { join } from "node:path";
import { formatDuration } from "../base/mod.ts";
import type { RunEvent } from "../pipeline/events.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import { Store } from "../pipeline/store.ts";

/** Makes a command of the project's command line. */
type MakeCommand = (...args: string[]) => Deno.Command;

/** One instance of each kind of stage. */
const instances = [
  "documents/velsan/train",
  "vocabulary/global",
  "tokenize/velsan/global",
  "pretrain/trim",
  "continue/trim/random",
  "evaluate/trim/random",
  "finetune/trim/random/sentiment",
] as const;

/** Of the time that the undisturbed instance took. */
const shares = [0.2, 0.5, 0.8];

const sample = ["pretrain.variants=[trim]"];

/** A model of 5.2 M parameters, on as much text as its vocabulary needs. */
const fiveMillion = [
  ...sample,
  ...[
    "model.dModel=256",
    "model.nLayers=4",
    "model.seqLen=256",
    "vocabulary.global.vocabSize=8192",
  ],
  "sources.velsan.documents.train=30000",
  ...["dorugai", "ithomeli", "varuni"].map((source) => `sources.${source}.documents.train=4000`),
  ...["pretrain.localSteps=10", "pretrain.rounds=2", "continue.steps=20"],
  "finetune.tasks.sentiment.examples.train=512",
];

/** Prints a line for each stop. @throws Error when bytes differ after one. */
export async function measureStops(command: MakeCommand, folder: string): Promise<void> {
  for (const [name, overrides] of [["sample", sample], ["5.2 M", fiveMillion]] as const) {
    const store = join(folder, name);
    const set = overrides.flatMap((override) => ["--set", override]);
    const run = (...args: string[]) => command("run", ...args, ...set, "--store", store, "--json");
    await toEnd(run(...instances));
    for (const instance of instances) {
      for (const share of shares) {
        const text = await stopAndResume(
          Store.open(store, { create: false }),
          run,
          instance,
          share,
        );
        console.log(`${name.padEnd(7)} ${instance.padEnd(31)} at ${share * 100} %  ${text}`);
      }
    }
  }
}

/** Forgets a result, makes it again with a stop on the way, and says how long the stop took. */
async function stopAndResume(
  store: Store,
  run: MakeCommand,
  instance: string,
  share: number,
): Promise<string> {
  const plain = manifestOf(store, instance);
  const afterMs = share * plain.provenance.durationMs;
  Deno.removeSync(store.manifestPath(plain.key));
  const { code, answerMs, stoppingMs, endMs } = await stopAfter(run("--only", instance), afterMs);
  const startedAt = performance.now();
  await toEnd(run("--only", instance));
  const again = performance.now() - startedAt;
  const found = manifestOf(store, instance);
  if (JSON.stringify(found.outputs) !== JSON.stringify(plain.outputs)) {
    throw new Error(
      `After a stop at ${share} of ${instance}: expected the same bytes, found others`,
    );
  }
  if (stoppingMs === undefined) {
    return code === 0
      ? "ended before the signal"
      : `was done ${formatDuration(endMs)} after the signal`;
  }
  const times = [["answered", answerMs], ["stopped", stoppingMs], ["runner ended", endMs]] as const;
  const texts = times.map(([what, ms]) => `${what} after ${formatDuration(ms)}`);
  return `${texts.join(", ")}; same bytes, the rest in ${formatDuration(again)} of ` +
    formatDuration(plain.provenance.durationMs);
}

interface Stop {
  readonly code: number;
  /** From the signal to the line that says what is being finished, the end of the instance's process, and that of the runner. */
  readonly answerMs: number;
  readonly stoppingMs: number | undefined;
  readonly endMs: number;
}

/** Sends SIGTERM some time after the instance has started. */
async function stopAfter(command: Deno.Command, afterMs: number): Promise<Stop> {
  const process = command.spawn();
  const stderr = new Response(process.stderr).text();
  let [signalledAt, answerMs] = [NaN, NaN];
  let stoppingMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const signal = () => {
    signalledAt = performance.now();
    try {
      process.kill("SIGTERM");
    } catch { /* it has ended */ }
  };
  let text = "";
  for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      const event: RunEvent = JSON.parse(line);
      if (event.type === "started") timer = setTimeout(signal, afterMs);
      if (event.type === "stopping") answerMs = performance.now() - signalledAt;
      if (event.type === "stopped") stoppingMs = event.stoppingMs;
    }
  }
  clearTimeout(timer);
  const { code } = await process.status;
  if (code !== 0 && code !== 143) throw new Error(`The run ended with ${code}:\n${await stderr}`);
  return { code, answerMs, stoppingMs, endMs: performance.now() - signalledAt };
}

async function toEnd(command: Deno.Command): Promise<void> {
  const { code, stdout, stderr } = await command.output();
  if (code === 0) return;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  throw new Error(`The run ended with ${code}:\n${text(stdout).slice(-1000)}${text(stderr)}`);
}

function manifestOf(store: Store, instance: string): Manifest {
  const found = [...store.manifests()].find((manifest) => manifest.instance === instance);
  if (found === undefined) throw new Error(`Cannot find what ${instance} has made`);
  return found;
}
