/**
 * A run of several parties by the command line, each with a store of its own: the bytes of one machine that has all text.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { natsAccounts, type NatsUser } from "../../exchange/mod.ts";
import { audits, undeclared } from "../support/audits.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { NatsServer, whyNoNatsServer } from "../support/nats_server.ts";
import { outputsOf, Parties, sameAsAlone } from "../support/parties.ts";
import { parties } from "../support/party_text.ts";
import { Radosgw, whyNoRadosgw } from "../support/radosgw.ts";
import { environmentOverTls, makeS3Exchange, s3Keys } from "../support/s3_exchange.ts";

const settings = [
  "pretrain.rounds=3",
  "pretrain.localSteps=40",
  "pretrain.checkpointEverySteps=10",
  "engine.kind=reference",
];

/** Waits for a file whose path has these words. */
async function fileLike(folder: string, pattern: RegExp): Promise<void> {
  const find = (path: string): boolean =>
    existsSync(path) && [...Deno.readDirSync(path)].some(({ name, isDirectory }) => {
      const inner = join(path, name);
      return isDirectory ? find(inner) : pattern.test(inner);
    });
  while (!find(folder)) await new Promise((resolve) => setTimeout(resolve, 20));
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

Deno.test("serve with a quorum goes on without who is late, and who replays who took part has its bytes: one machine, and the parties again", async () => {
  using folder = temporaryFolder();
  // A round is closed, and judged, when the first of two is there.
  const run = new Parties(folder.path, "spec-opt", [
    ...settings,
    "pretrain.quorum={share: 0.5, afterSeconds: 0.01}",
  ]);
  await takePart(run);
  const led = outputsOf(run.at("leader-store"), "federate/spec-opt");
  const file = run.at("who.jsonl");
  Deno.copyFileSync(join(led("metrics"), "participants.jsonl"), file);
  const replayed = [...settings, `pretrain.participants=${file}`];
  await sameAsAlone(new Parties(folder.path, "spec-opt", replayed));
  const again = new Parties(run.at("again"), "spec-opt", replayed, folder.path);
  await takePart(again);
  await sameAsAlone(again);
});

Deno.test("a silo whose text does not fit what all have in common says who can change it", async () => {
  using folder = temporaryFolder();
  const run = new Parties(folder.path, "spec-opt", [...settings, "vocabulary.own.vocabSize=9999"]);
  const leader = run.serve();
  await leader.says(/Waiting for fr, it to join/);
  const silo = run.silo("it");
  assert.equal((await silo.ended).code, 1, silo.text);
  assert.match(silo.text, /expected vocabSize to be at most \d+[^]*the leader's user changes it/);
  leader.kill("SIGINT");
  await leader.ended;
});

async function takePart(run: Parties): Promise<void> {
  const leader = run.serve();
  await leader.says(/Waiting for fr, it to join/);
  for (const process of [leader, ...parties.map((source) => run.silo(source))]) {
    assert.equal((await process.ended).code, 0, process.text);
  }
}

Deno.test({
  name:
    "serve and silo --invitation give the bytes of one machine over S3, where each silo has rights of its own and one tokenizer is named",
  ignore: whyNoRadosgw() !== undefined,
  async fn() {
    using folder = temporaryFolder();
    await using server = await Radosgw.start();
    const set = [...settings, "pretrain.validationRows=own"];
    const run = await new Parties(folder.path, "trim", set).withTokenizer();
    const url = "s3://bucket/run1";
    const access = await makeS3Exchange(server, url, parties);
    const rights = parties.map((source) => [source, s3Keys(access.get(source)!)]);
    Deno.writeTextFileSync(run.at("rights.json"), JSON.stringify(Object.fromEntries(rights)));
    run.place = {
      url,
      rights: run.at("rights.json"),
      environment: environmentOverTls(server.overTls(server.leader), folder.path),
    };
    await takePart(run);
    await sameAsAlone(run);
    const invitation = run.at("leader", "invitations", "it.json");
    assert.equal(Deno.statSync(invitation).mode! & 0o777, 0o600);
    assert.ok(
      !Deno.readTextFileSync(invitation).includes(server.leader.secretAccessKey),
      "the leader's own",
    );
  },
});

Deno.test({
  name:
    "serve and silo --invitation give the bytes of one machine over NATS, where each silo has an account",
  ignore: whyNoNatsServer() !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const userOf = (user: string) => ({ user, password: `of-${user}` });
    const silos = Object.fromEntries(parties.map((source) => [source, userOf(source)]));
    const accounts = natsAccounts({ prefix: "run1", leader: userOf("leader"), silos });
    await using server = await NatsServer.start({ accounts });
    const run = new Parties(folder.path, "spec-opt", settings);
    const variables = ({ user, password }: NatsUser) => ({
      NATS_USER: user,
      NATS_PASSWORD: password,
    });
    const rights = Object.entries(silos).map(([source, user]) => [source, variables(user)]);
    Deno.writeTextFileSync(run.at("ca.pem"), server.trusted({}).certificates!);
    Deno.writeTextFileSync(run.at("rights.json"), JSON.stringify(Object.fromEntries(rights)));
    run.place = {
      url: server.url("run1"),
      rights: run.at("rights.json"),
      environment: { ...variables(userOf("leader")), NATS_CA: run.at("ca.pem") },
    };
    await takePart(run);
    await sameAsAlone(run);
  },
});
