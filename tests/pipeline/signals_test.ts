import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunEvent } from "../../pipeline/events.ts";
import { outputDigests, pipeline, pipelineCommand, tinyRecipe } from "../support/command_line.ts";
import { inTemporaryFolder, namesIn, toy, toyCommand, until } from "../support/toy_cli.ts";

/** A started run and what it has printed so far. */
function start(command: Deno.Command) {
  const process = command.spawn();
  const printed = { text: "" };
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) printed.text += part;
  };
  const end = Promise.all([process.status, read(process.stdout), read(process.stderr)])
    .then(([status]) => status);
  return { process, printed, end };
}

/** The checkpoint of the one walk that was started. */
function checkpointText(store: string): string {
  const folder = join(store, "checkpoints");
  const [path, ...others] = namesIn(folder).map((key) => join(folder, key, "states.json"))
    .filter((path) => existsSync(path));
  assert.equal(others.length, 0);
  return Deno.readTextFileSync(path);
}

/** Whether a toy walk has written a checkpoint. */
function hasCheckpoint(store: string): boolean {
  return namesIn(join(store, "checkpoints"))
    .some((key) => namesIn(join(store, "checkpoints", key)).includes("states.json"));
}

for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130], ["SIGHUP", 129]] as const) {
  Deno.test(`run: ${signal} is answered at once with what is being finished`, async () => {
    await inTemporaryFolder(async (store) => {
      const set = ["--set", "steps=100", "--set", "delayMs=100"];
      const run = start(toyCommand(store, ["run", "walk/a/left", ...set]));
      await until("a checkpoint", () => hasCheckpoint(store));
      const at = performance.now();
      run.process.kill(signal);
      await until("an answer", () => run.printed.text.includes("Stopping"));
      run.process.kill(signal); // as `deno task` passes on what the terminal has sent to all
      assert.ok(performance.now() - at < 1000, "the answer does not wait for the stage");
      assert.equal((await run.end).code, code);
      assert.match(
        run.printed.text,
        new RegExp(
          `Stopping \\(${signal}\\): waiting for walk/a/left to write a checkpoint; a further .* ends at once`,
        ),
      );
      assert.match(
        run.printed.text,
        /stopped walk\/a\/left\s+after [\d.]+ m?s, goes on from its last/,
      );
      assert.match(run.printed.text, /The same command goes on from here/);
      assert.ok(hasCheckpoint(store));
      const status = ["status", "walk/a/left", ...set];
      const place =
        /^run +walk\/a\/left +stopped at step (\d+) of 100, goes on from its checkpoint$/m;
      const steps = Number(place.exec((await toy(store, ...status)).stdout)?.[1]);
      const { states } = JSON.parse(checkpointText(store));
      assert.equal(steps, states.length);
      const { instances } = JSON.parse((await toy(store, ...status, "--json")).stdout);
      const stoppedAt = { done: steps, total: 100, unit: "steps" };
      assert.deepEqual(instances.at(-1).interruption, { stoppedAt, hasCheckpoint: true });
    });
  });
}

Deno.test("run: a second Ctrl-C ends what cannot hear at once, and the last checkpoint stays", async () => {
  await inTemporaryFolder(async (store) => {
    const hanging = ["run", "walk/a/left", "--set", "fault={source: a, kind: hang}"];
    const run = start(toyCommand(store, hanging));
    await until("half a file", () =>
      namesIn(join(store, "tmp"))
        .some((name) => namesIn(join(store, "tmp", name, "walk")).includes("walk.txt")));
    run.process.kill("SIGINT");
    await until("an answer", () => run.printed.text.includes("Stopping"));
    await new Promise((resolve) => setTimeout(resolve, 500));
    run.process.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.ok(namesIn(join(store, "tmp")).length > 0, "signals that come together let it finish");
    const at = performance.now();
    run.process.kill("SIGINT");
    assert.equal((await run.end).code, 130);
    assert.ok(performance.now() - at < 2000, "it ends at once");
    assert.ok(hasCheckpoint(store));
    assert.deepEqual(namesIn(join(store, "tmp")), []);
    // It was killed: nobody knows whether the step that it had reported last is in its checkpoint.
    const status = (await toy(store, "status", ...hanging.slice(1))).stdout;
    assert.match(status, /^run +walk\/a\/left +interrupted, goes on from its checkpoint$/m);
  });
});

Deno.test("run: training stops within seconds of a signal and ends with the bytes of a plain run", async () => {
  await inTemporaryFolder(async (folder) => {
    const args = (store: string) => [
      ...["run", "pretrain/trim", "--recipe", tinyRecipe, "--store", join(folder, store), "--json"],
      ...["--set", "pretrain.localSteps=60"],
    ];
    const run = start(pipelineCommand(args("stopped")));
    const events = () =>
      run.printed.text.split("\n").slice(0, -1).filter((line) => line.startsWith("{"))
        .map((line): RunEvent => JSON.parse(line));
    await until(
      "some steps",
      () =>
        events().some((it) =>
          it.type === "progress" && it.instance === "pretrain/trim" && it.state.done > 5
        ),
    );
    run.process.kill("SIGTERM");
    assert.equal((await run.end).code, 143);
    const stopped = events().find((it) => it.type === "stopped");
    assert.ok(stopped?.type === "stopped" && stopped.stoppingMs! < 5000, JSON.stringify(stopped));
    const [again, plain] = await Promise.all([pipeline(args("stopped")), pipeline(args("plain"))]);
    assert.match(again.stdout, /"isResumed":true/);
    assert.equal(plain.code, 0, plain.stderr);
    assert.deepEqual(outputDigests(join(folder, "stopped")), outputDigests(join(folder, "plain")));
  });
});
