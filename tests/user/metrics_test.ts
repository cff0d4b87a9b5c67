/**
 * What a run tells of its training: warnings on the terminal, rows, and the same numbers for TensorBoard.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { outputDigests, pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { readEvents } from "../support/event_file.ts";

type Row = { readonly [name: string]: unknown };

Deno.test("run warns by name where the recipe's thresholds say so, and writes every number as a row and an event", async () => {
  using folder = temporaryFolder();
  const store = join(folder.path, "store");
  const set = [
    ...["pretrain.monitors.everySteps=2", "pretrain.warnings.activationGrowth=1.001"],
    ...["continue.warnings.weakGainNats=4", "pretrain.inner.schedule=wsd"],
    ...["pretrain.inner.decayFraction=0.5", "continue.validation.everySteps=3"],
  ].flatMap((one) => ["--set", one]);
  const words = ["run", "continue/trim/random", "--recipe", tinyRecipe, "--store", store, ...set];
  const { code, stdout, stderr } = await pipeline(words);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^warning pretrain\/trim +activation-growth: .*"(code|arithmetic)" was/m);
  assert.match(stdout, /^warning continue\/trim\/random +weak-continuation: /m);
  assert.doesNotMatch(stdout, /vocabulary-coverage/); // all bytes are known

  const digests = outputDigests(store);
  const rowsOf = (instance: string, file: string): Row[] => {
    const path = join(objectOf(store, digests[instance].metrics), file);
    return Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
  };
  const drawn = await pipeline([
    ...["curves", "continue", "--recipe", tinyRecipe, "--store", store, ...set, "--format", "csv"],
  ]);
  assert.match(drawn.stdout, /^curves,continue: training loss,trim\/random,6,\d\.\d+,,$/m);
  assert.match(drawn.stdout, /^curves,continue: validation loss,trim\/random,0,\d\.\d+,,$/m);
  assert.match(drawn.stderr, /^Leaving out 1 that would have to run first/m); // continue/std-t0/random

  const metrics = rowsOf("pretrain/trim", "metrics.jsonl");
  const monitors = rowsOf("pretrain/trim", "monitors.jsonl");
  const validated = rowsOf("continue/trim/random", "metrics.jsonl")
    .filter(({ kind }) => kind === "validation") as { step: number; lossNats: object }[];
  assert.deepEqual(
    validated.map(({ step, lossNats }) => [step, Object.keys(lossNats)]),
    [0, 3, 6].map((step) => [step, ["arithmetic", "code"]]),
  );
  const names = [...metrics, ...rowsOf("continue/trim/random", "metrics.jsonl")]
    .filter(({ kind }) => kind === "warning").map(({ name }) => name);
  assert.deepEqual(new Set(names), new Set(["activation-growth", "weak-continuation"]));
  // Two rounds of six steps on two sources: warm-up over 2 of 12 steps, a plateau, and down over the last 6 to a tenth.
  const rates = monitors.filter(({ source }) => source === "code")
    .map(({ step, learningRate }) => [step, Number((learningRate as number).toPrecision(6))]);
  const peak = 0.01;
  assert.deepEqual(rates, [
    [0, 0],
    [2, peak],
    [4, peak],
    [6, peak],
    [8, 0.007], // 1 − 0.9·2/6
    [10, 0.004],
  ]);

  const events = join(
    objectOf(store, digests["pretrain/trim"].metrics),
    "events.out.tfevents.0",
  );
  const { version, scalars } = readEvents(Deno.readFileSync(events));
  assert.equal(version, "brain.Event:2");
  const found = new Set(scalars.map(({ step, tag, value }) => `${step} ${tag} ${value}`));
  let numbers = 0;
  for (const { kind, step, round, source, ...rest } of [...metrics, ...monitors]) {
    if (step === undefined && round === undefined) continue;
    const group = [kind, ...(typeof source === "string" ? [source] : [])].join("/");
    for (const [name, value] of numbersIn(rest)) {
      assert.ok(
        found.has(`${step ?? round} ${group}/${name} ${Math.fround(value)}`),
        `${group}/${name}`,
      );
      numbers++;
    }
  }
  assert.ok(numbers > 100 && numbers === scalars.length, `${numbers} of ${scalars.length}`);

  const logs = join(folder.path, "logs");
  const copied = await pipeline([
    ...["curves", "pretrain/trim", "continue/trim/random", "pretrain/std-t0", "--tensorboard"],
    ...[logs, "--recipe", tinyRecipe, "--store", store, ...set],
  ]);
  assert.equal(copied.code, 0, copied.stderr);
  assert.match(copied.stdout, /^Curves of 2 runs are in .*logs: tensorboard --logdir /);
  assert.match(copied.stderr, /^Leaving out 1 that would have to run first$/m);
  const there = join(logs, "pretrain", "trim", "events.out.tfevents.0");
  assert.deepEqual(Deno.readFileSync(there), Deno.readFileSync(events));
  assert.ok(Deno.statSync(join(logs, "continue/trim/random/events.out.tfevents.0")).isFile);
});

function objectOf(store: string, digest: string): string {
  return join(store, "objects", digest.slice(0, 2), digest);
}

function numbersIn(row: Row): [string, number][] {
  return Object.entries(row).flatMap(([name, value]): [string, number][] => {
    if (typeof value === "number") return [[name, value]];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return numbersIn(value as Row).map(([inner, number]) => [`${name}/${inner}`, number]);
  });
}
