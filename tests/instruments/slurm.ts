/**
 * Runs a recipe as jobs of a Slurm with three nodes on this machine, loses a node and kills the runner meanwhile, and compares the
 * bytes with a local run.
 *
 *     deno task instruments slurm [--recipe sample] [--target all] [--set KEY=VALUE]…
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatDuration } from "../../base/mod.ts";
import type { RunEvent } from "../../pipeline/events.ts";
import { readLeases } from "../../pipeline/executors/leases.ts";
import { outputDigests, pipelineCommand, temporaryFolder } from "../support/command_line.ts";
import { eventsFrom } from "../support/run_events.ts";
import { SlurmLab, whyNoSlurm } from "../support/slurm_lab.ts";

/** What training must have begun before harm is done to it. */
const trains = /^(pretrain|continue|walk)\//;

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      recipe: { type: "string", default: "sample" },
      target: { type: "string", default: "all" },
      set: { type: "string", multiple: true, default: [] },
    },
  });
  const why = whyNoSlurm();
  if (why !== undefined) throw new Error(`Cannot try Slurm: it ${why}`);
  using folder = temporaryFolder();
  const what = [
    values.target,
    "--recipe",
    values.recipe,
    ...values.set.flatMap((it) => ["--set", it]),
  ];

  const [here, there] = [join(folder.path, "here"), join(folder.path, "there")];
  const localAt = performance.now();
  assert.equal(await new Run(here, what, {}).ended, 0, "the local run");
  console.log(`local       ${formatDuration(performance.now() - localAt)}`);

  await using lab = await SlurmLab.start();
  const jobsAt = performance.now();
  const slurm = [...what, "--executor", "slurm"];
  const first = new Run(there, slurm, lab.environment);
  const { instance, node } = await first.training(there);
  await lab.killNode(node);
  console.log(
    `lost        ${node}, which had ${instance}, after ${
      formatDuration(performance.now() - jobsAt)
    }`,
  );
  await first.until(() => first.says(/was ended \(NODE_FAIL\)/));
  console.log(`seen        after ${formatDuration(performance.now() - jobsAt)}`);
  await lab.bringBack(node);
  await first.training(there);
  first.process.kill("SIGKILL");
  await first.ended;
  const left = readLeases(there);
  console.log(`killed      the runner, with ${left.length} jobs at work`);
  const second = new Run(there, slurm, lab.environment);
  assert.equal(await second.ended, 0, "the run after the runner was killed");
  const adopted = second.started().filter((it) =>
    left.some(({ instance }) => instance === it.instance)
  );
  for (const { instance, place } of adopted) console.log(`taken up    ${instance} as ${place}`);
  assert.equal(adopted.length, left.length);
  console.log(`slurm       ${formatDuration(performance.now() - jobsAt)}`);

  const [made, expected] = [outputDigests(there), outputDigests(here)];
  assert.deepEqual(made, expected);
  console.log(`same bytes  ${Object.keys(made).length} instances`);
}

/** A run of the command line, with what it says. */
class Run {
  readonly process: Deno.ChildProcess;
  /** Its exit code. */
  readonly ended: Promise<number>;
  readonly #events: RunEvent[] = [];
  #isOver = false;

  constructor(store: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.process = pipelineCommand(
      ["run", "--json", "--store", store, ...args],
      undefined,
      env,
    ).spawn();
    this.ended = this.#read();
  }

  started(): Extract<RunEvent, { type: "started" }>[] {
    return this.#events.flatMap((event) => event.type === "started" ? [event] : []);
  }

  says(text: RegExp): boolean {
    return this.#events.some((event) => event.type === "log" && text.test(event.message));
  }

  /** Waits until an instance trains that was not there before. Returns it, and its node. */
  async training(store: string): Promise<{ instance: string; node: string }> {
    const begun = this.#events.length;
    let found: { instance: string; node: string } | undefined;
    await this.until(() => {
      const training = this.#events.slice(begun).findLast((event) =>
        event.type === "checkpoint" && trains.test(event.instance)
      );
      if (training?.type !== "checkpoint") return false;
      const lease = readLeases(store).find(({ key }) => key === training.key);
      if (lease?.node !== undefined) found = { instance: lease.instance, node: lease.node };
      return found !== undefined;
    });
    return found!;
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      assert.ok(!this.#isOver, "the run ended before");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #read(): Promise<number> {
    const errors = new Response(this.process.stderr).text();
    for await (const event of eventsFrom(this.process)) this.#events.push(event);
    const { code } = await this.process.status;
    this.#isOver = true;
    for (const event of this.#events) if (event.type === "failed") console.error(event.message);
    if (code !== 0) console.error(await errors);
    return code;
  }
}
