/**
 * A run whose sources are trained by processes that others start: the bytes of a run alone.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { keyAndOutputs, pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { Radosgw, whyNoRadosgw } from "../support/radosgw.ts";
import { environmentOverTls } from "../support/s3_exchange.ts";
import { TalkingProcess } from "../support/talking_process.ts";

const target = "pretrain/spec";
const settings = [
  "pretrain.variants=[spec]",
  "pretrain.rounds=2",
  "pretrain.localSteps=60",
  "pretrain.checkpointEverySteps=10",
  "engine.kind=reference",
];
const words = ["--recipe", tinyRecipe, ...settings.flatMap((setting) => ["--set", setting])];

const made = (store: string) => keyAndOutputs(target, [...words, "--store", store]);

Deno.test("run --exchange gives the key and bytes of a run alone, by workers of its own and by processes silo, one of which is killed", async () => {
  using folder = temporaryFolder();
  const storeOf = (name: string) => join(folder.path, name);
  const prepared = await pipeline([
    "run",
    target,
    "--quiet",
    ...words,
    "--store",
    storeOf("alone"),
  ]);
  assert.equal(prepared.code, 0, prepared.stdout + prepared.stderr);
  const alone = await made(storeOf("alone"));
  for (const name of ["workers", "silos"]) {
    cpSync(storeOf("alone"), storeOf(name), { recursive: true });
    Deno.removeSync(join(storeOf(name), "manifests", `${alone.key}.json`));
  }
  const exchange = `folder:${join(folder.path, "exchange")}`;

  const shared = [...words, "--exchange", exchange, "--store", storeOf("workers")];
  const byWorkers = await pipeline(["run", target, "--quiet", ...shared, "--workers", "2"]);
  assert.equal(byWorkers.code, 0, byWorkers.stdout + byWorkers.stderr);
  assert.deepEqual(await made(storeOf("workers")), alone);
  const manifest = join(storeOf("workers"), "manifests", `${alone.key}.json`);
  const ofManifest = Deno.readTextFileSync(manifest);
  Deno.removeSync(manifest);
  const late = new TalkingProcess(["silo", target, ...shared, "--name", "late"]);
  await late.says(/waits for tasks/); // as if the run had ended in this moment
  Deno.writeTextFileSync(manifest, ofManifest);
  assert.equal((await late.ended).code, 0, late.text);
  assert.match(late.text, /pretrain\/spec is made/);

  const answering = [...Deno.readDirSync(join(folder.path, "exchange/up"))].map(({ name }) => name);
  assert.deepEqual(answering.sort(), ["arithmetic", "code"]);

  const rest = [...words, "--exchange", exchange, "--store", storeOf("silos")];
  const silo = (name: string) => new TalkingProcess(["silo", target, ...rest, "--name", name]);
  const started = silo("a");
  await started.says(/waits for tasks/); // it is there before the run
  const taken = await pipeline(["silo", target, ...rest, "--name", "a"]);
  assert.match(taken.stderr, /expected a name that no other process has/);
  const leader = new TalkingProcess(["run", target, ...rest, "--workers", "0"]);
  await started.says(/trains \w+ in round 1/);
  started.kill("SIGKILL");
  await started.ended;
  const [again, other] = [silo("a"), silo("b")];
  assert.equal((await leader.ended).code, 0, leader.text);
  assert.deepEqual(await made(storeOf("silos")), alone);
  for (const one of [again, other]) assert.equal((await one.ended).code, 0, one.text);
  assert.match(again.text + other.text, /has answered for \w+ in round 2/);
  assert.match(again.text, /pretrain\/spec is made, or begins again/);
});

Deno.test("silo ends at Ctrl-C, and says what it lacks", async () => {
  using folder = temporaryFolder();
  const exchange = `folder:${join(folder.path, "exchange")}`;
  const rest = [...words, "--exchange", exchange, "--store", join(folder.path, "store")];
  const early = await pipeline(["silo", target, ...rest]);
  assert.deepEqual([early.code, /must run first/.test(early.stderr)], [2, true], early.stderr);
  const prepared = await pipeline(["run", "tokenize", "--quiet", ...words, ...rest.slice(-2)]);
  assert.equal(prepared.code, 0, prepared.stderr);
  const silo = new TalkingProcess(["silo", target, ...rest]);
  await silo.says(/waits for tasks/);
  silo.kill("SIGINT");
  assert.equal((await silo.ended).code, 0, silo.text);
  assert.match(silo.text, /ends; what it has in hand is kept/);
  for (
    const [args, said] of [
      [["run", target, ...words, "--workers", "2"], /expected --exchange beside it/],
      [["run", target, ...words, "--exchange", "ftp://a/b"], /expected folder: and a folder/],
      [["run", target, ...words, "--exchange", "s3://it:secret@a/b"], /URL has credentials/],
      [["run", "tokenize", ...rest], /Cannot use an exchange for/],
    ] as const
  ) {
    const { code, stderr } = await pipeline(args);
    assert.equal(code, 2);
    assert.match(stderr, said);
  }
});

/** Files below a folder that have a text. */
function filesWith(text: string, folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return filesWith(text, path);
    return Deno.readTextFileSync(path).includes(text) ? [path] : [];
  });
}

Deno.test({
  name:
    "run --exchange s3:// gives the key and bytes of a run alone, by workers of its own, and confined beside a process silo; nothing keeps the password",
  ignore: whyNoRadosgw() !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const storeOf = (name: string) => join(folder.path, name);
    await using server = await Radosgw.start();
    await server.bucket("bucket");
    const environment = environmentOverTls(server.overTls(server.leader), folder.path);
    const prepared = await pipeline([
      ...["run", target, "--quiet", ...words, "--store", storeOf("alone")],
    ]);
    assert.equal(prepared.code, 0, prepared.stdout + prepared.stderr);
    const alone = await made(storeOf("alone"));
    for (const workers of [2, 0]) {
      const store = storeOf(`by-${workers}`);
      cpSync(storeOf("alone"), store, { recursive: true });
      Deno.removeSync(join(store, "manifests", `${alone.key}.json`));
      const rest = [...words, "--exchange", `s3://bucket/${workers}`, "--store", store];
      const audit = { DEPT_AUDIT: store };
      const leader = new TalkingProcess(["run", target, ...rest, "--workers", `${workers}`], {
        ...environment,
        ...audit,
      });
      const silo = workers === 0
        ? new TalkingProcess(["silo", target, ...rest], environment)
        : undefined;
      assert.equal((await leader.ended).code, 0, leader.text);
      assert.deepEqual(await made(store), alone);
      assert.deepEqual(filesWith(server.leader.secretAccessKey, store), []);
      if (silo) assert.equal((await silo.ended).code, 0, silo.text);
    }
  },
});
