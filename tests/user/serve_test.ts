/**
 * A run of several parties by the command line, each with a store of its own: the bytes of one machine that has all text.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { bucketPolicy } from "../../exchange/mod.ts";
import { audits, undeclared } from "../support/audits.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { parties, writePartyText } from "../support/party_text.ts";
import { Radosgw, whyNoRadosgw } from "../support/radosgw.ts";
import { TalkingProcess } from "../support/talking_process.ts";

const settings = [
  "pretrain.rounds=3",
  "pretrain.localSteps=40",
  "pretrain.checkpointEverySteps=10",
  "engine.kind=reference",
];

type Environment = Readonly<Record<string, string>>;

/** What parties type, in one folder. */
class Parties {
  /** URL of the exchange, the leader's environment, and a file with the silos' rights. */
  place: { readonly url: string; readonly environment?: Environment; readonly rights?: string };

  constructor(readonly folder: string, readonly variant: string, readonly set: readonly string[]) {
    writePartyText(this.at("text"));
    this.place = { url: `folder:${this.at("exchange")}` };
  }

  at(...path: string[]): string {
    return join(this.folder, ...path);
  }

  get #words(): readonly string[] {
    return ["--recipe", tinyRecipe, ...this.set.flatMap((setting) => ["--set", setting])];
  }

  /** The folder of each output of what one machine makes that has all text. */
  async alone(target = `pretrain/${this.variant}`): Promise<(output: string) => string> {
    const text = [`data=${this.at("text")}`, "sources=null"].flatMap((it) => ["--set", it]);
    const rest = [...this.#words, ...text, "--store", this.at("alone")];
    const own = ["--set", `pretrain.variants=[${this.variant}]`];
    const { code, stdout, stderr } = await pipeline(["run", target, "--quiet", ...rest, ...own]);
    assert.equal(code, 0, stdout + stderr);
    return outputsOf(this.at("alone"), target);
  }

  serve(environment: Environment = {}): TalkingProcess {
    const { url, rights, ...place } = this.place;
    const where = ["--exchange", url, "--silos", parties.join()];
    const own = ["--folder", this.at("leader"), "--store", this.at("leader-store")];
    const given = rights === undefined ? [] : ["--rights", rights];
    return new TalkingProcess(
      ["serve", `pretrain/${this.variant}`, ...where, ...given, ...this.#words, ...own],
      { ...place.environment, ...environment },
    );
  }

  silo(source: string): TalkingProcess {
    return new TalkingProcess([
      ...["silo", "--invitation", this.at("leader", "invitations", `${source}.json`)],
      ...["--data", this.at("text", source), "--folder", this.at(`silo-${source}`)],
      ...["--store", this.at(`store-${source}`)],
    ]);
  }
}

function outputsOf(store: string, target: string): (output: string) => string {
  const manifests = [...Deno.readDirSync(join(store, "manifests"))]
    .filter(({ name }) => name.endsWith(".json"))
    .map(({ name }) => JSON.parse(Deno.readTextFileSync(join(store, "manifests", name))));
  const { outputs } = manifests.find(({ instance }) => instance === target);
  return (output) => join(store, "objects", outputs[output].slice(0, 2), outputs[output]);
}

function bytesIn(folder: string, name: string): string {
  return Deno.readFileSync(join(folder, name)).toHex();
}

/** Waits for a file whose path has these words. */
async function fileLike(folder: string, pattern: RegExp): Promise<void> {
  const find = (path: string): boolean =>
    existsSync(path) && [...Deno.readDirSync(path)].some(({ name, isDirectory }) => {
      const inner = join(path, name);
      return isDirectory ? find(inner) : pattern.test(inner);
    });
  while (!find(folder)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Compares what the parties have with what one machine made. */
async function sameAsAlone(run: Parties): Promise<void> {
  const alone = await run.alone();
  const led = outputsOf(run.at("leader-store"), `federate/${run.variant}`);
  const rows = "metrics.jsonl";
  assert.equal(
    Deno.readTextFileSync(join(led("metrics"), rows)),
    Deno.readTextFileSync(join(alone("metrics"), rows)),
  );
  for (const output of ["last", "best"]) {
    const model = bytesIn(alone(output), "model.safetensors");
    assert.equal(bytesIn(led(output), "model.safetensors"), model);
    for (const source of parties) {
      const own = outputsOf(run.at(`store-${source}`), `participate/${run.variant}`);
      assert.equal(bytesIn(own(output), "model.safetensors"), model);
      const local = `local-${source}.safetensors`;
      if (!existsSync(join(alone(output), local))) continue;
      assert.equal(bytesIn(own(output), local), bytesIn(alone(output), local));
      assert.ok(!existsSync(join(led(output), local)), "a silo's table stays with it");
    }
  }
}

Deno.test("serve and silo --invitation give the bytes of one machine, though a silo and the leader are killed; the leader opens no text", async () => {
  using folder = temporaryFolder();
  const run = new Parties(folder.path, "spec-opt", settings);
  const audit = run.at("audit");
  Deno.mkdirSync(audit);
  const first = run.serve();
  await first.says(/Waiting for fr, it to join/);
  const silos = parties.map((source) => run.silo(source));
  await fileLike(run.at("exchange", "up", "it"), /replies\/1\/working-/);
  silos[parties.indexOf("it")].kill("SIGKILL");
  await silos[parties.indexOf("it")].ended;
  silos[parties.indexOf("it")] = run.silo("it");
  await fileLike(run.at("exchange", "shared"), /rounds\/1$/);
  first.kill("SIGKILL");
  await first.ended;
  const leader = run.serve({ DEPT_AUDIT: audit });
  for (const process of [leader, ...silos]) {
    assert.equal((await process.ended).code, 0, process.text);
  }
  await sameAsAlone(run);
  const [[instance, it]] = [...audits(audit)];
  assert.equal(instance, "federate/spec-opt");
  assert.deepEqual(undeclared(it), []);
  const theirs = [run.at("text"), ...parties.map((source) => run.at(`store-${source}`))];
  const isTheirs = (value?: string) => theirs.some((path) => value?.includes(path));
  assert.deepEqual(it.accesses.filter(({ value }) => isTheirs(value)), []);
});

Deno.test({
  name:
    "serve and silo --invitation give the bytes of one machine over S3, where each silo has rights of its own and one tokenizer is named",
  ignore: whyNoRadosgw() !== undefined,
  async fn() {
    using folder = temporaryFolder();
    await using server = await Radosgw.start();
    const run = new Parties(folder.path, "trim", [...settings, "pretrain.validationRows=own"]);
    const tokenizer = join((await run.alone("vocabulary/global"))("tokenizer"), "tokenizer.json");
    const named = run.at("named.json");
    Deno.copyFileSync(tokenizer, named);
    const trim = new Parties(folder.path, run.variant, [
      ...run.set,
      `vocabulary.global.file=${named}`,
    ]);
    const arn = (user: string) => `arn:aws:iam:::user/${user}`;
    const url = "s3://bucket/run1";
    const silos = Object.fromEntries(parties.map((source) => [source, arn(source)]));
    const rights: Record<string, Environment> = {};
    for (const source of parties) {
      const { accessKeyId, secretAccessKey } = await server.user(source);
      rights[source] = {
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      };
    }
    await server.bucket("bucket", bucketPolicy({ url, leader: arn("leader"), silos }));
    const { endpoint, accessKeyId, secretAccessKey, certificates } = server.overTls(server.leader);
    Deno.writeTextFileSync(run.at("ca.pem"), certificates!);
    Deno.writeTextFileSync(run.at("rights.json"), JSON.stringify(rights));
    trim.place = {
      url,
      rights: run.at("rights.json"),
      environment: {
        AWS_ENDPOINT_URL: endpoint,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_CA_BUNDLE: run.at("ca.pem"),
      },
    };
    const leader = trim.serve();
    await leader.says(/Waiting for fr, it to join/);
    const processes = [leader, ...parties.map((source) => trim.silo(source))];
    for (const process of processes) assert.equal((await process.ended).code, 0, process.text);
    await sameAsAlone(trim);
    const invitation = run.at("leader", "invitations", "it.json");
    assert.equal(Deno.statSync(invitation).mode! & 0o777, 0o600);
    assert.ok(!Deno.readTextFileSync(invitation).includes(secretAccessKey), "the leader's own");
  },
});
