/**
 * What an exchange promises, over every place that serves as one.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { canonicalJson, sha256 } from "../../base/mod.ts";
import type { Reply, TakenTask, TaskHead, TaskName } from "../../exchange/mod.ts";
import { offerName, replyName, tasksFolder } from "../../exchange/layout.ts";
import { Leader, type LeaderOptions } from "../../exchange/leader.ts";
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { partBytes } from "../../exchange/objects.ts";
import { makeKeyPair, signed } from "../../exchange/signed.ts";
import { Silo, type SiloOptions } from "../../exchange/silo.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { folderKind, NatsKind, S3Kind, type TestPlace } from "../support/exchange_places.ts";

const run = "a".repeat(64);
const keys = { leader: makeKeyPair(), it: makeKeyPair(), fr: makeKeyPair() };
const never = new AbortController().signal;

/** A leader, and silos as they are asked for. */
class Parties {
  readonly leader: Leader;
  readonly #place: TestPlace;

  constructor(place: TestPlace, options: Partial<LeaderOptions> = {}) {
    this.#place = place;
    this.leader = new Leader(place.open("leader"), {
      run,
      privateKey: keys.leader.privateKey,
      silos: { it: keys.it.publicKey, fr: keys.fr.publicKey },
      ...options,
    });
  }

  silo(source: "it" | "fr" = "it", options: Partial<SiloOptions> = {}): Silo {
    return new Silo(this.#place.open(source), {
      privateKey: keys[source].privateKey,
      leaderKey: keys.leader.publicKey,
      ...options,
    });
  }

  /** The next reply to a task. */
  async reply(task: TaskName): Promise<Reply> {
    for await (const reply of this.leader.replies([task], never)) return reply;
    throw new Error("no reply");
  }
}

function head(source = "it", round = 1, more: Record<string, string> = {}): TaskHead {
  return { run, round, source, kind: "train", ...more };
}

/** Whether a silo finds nothing to take at once. */
async function findsNothing(silo: Silo, source = "it"): Promise<boolean> {
  return await silo.take([source], AbortSignal.timeout(300)) === undefined;
}

async function take(silo: Silo, source = "it"): Promise<TakenTask> {
  return (await silo.take([source], never))!;
}

const [s3, nats] = [new S3Kind(), new NatsKind()];
Deno.test.afterAll(async () => {
  await s3[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

for (const kind of [folderKind, s3, nats]) {
  const skipped = kind.whyNot === undefined ? "" : `: skipped: ${kind.whyNot}`;
  const test = (name: string, body: (place: TestPlace) => Promise<void>) =>
    Deno.test({ name: `${kind.name}: ${name}${skipped}`, ignore: skipped !== "" }, async () => {
      await using place = await kind.make();
      await body(place);
    });

  test("of writers at once one creates, and what stands is not touched", async (place) => {
    const bytes = place.open("leader");
    const text = (i: number) => new TextEncoder().encode(`writer ${i}`);
    const created = await Promise.all(
      Array.from({ length: 8 }, (_, i) => bytes.create("shared/race", text(i))),
    );
    assert.equal(created.filter((isOurs) => isOurs).length, 1);
    assert.deepEqual(await bytes.read("shared/race", 100), text(created.indexOf(true)));
  });

  test("names are read, found, listed, replaced and removed", async (place) => {
    const bytes = place.open("leader");
    const [one, two] = [new Uint8Array([1]), new Uint8Array([2, 2])];
    assert.equal(await bytes.read("shared/a/b", 1), undefined);
    assert.equal(await bytes.find("shared/a/b"), undefined);
    assert.deepEqual(await bytes.list("shared/a"), []);
    await bytes.replace("shared/a/b", one);
    const before = await bytes.find("shared/a/b");
    assert.equal(before?.bytes, 1);
    await bytes.replace("shared/a/b", two);
    await bytes.replace("shared/a/bb/c", one);
    const [b, folder, ...rest] = await bytes.list("shared/a");
    assert.deepEqual([b.name, b.bytes, folder, rest], ["b", 2, { name: "bb" }, []]);
    assert.notEqual(b.tag, before.tag);
    assert.deepEqual(await bytes.find("shared/a/b"), b);
    await assert.rejects(bytes.read("shared/a/b", 1), { name: "TooLargeError" });
    assert.deepEqual(await bytes.read("shared/a/b", 2), two);
    await bytes.remove("shared/a/b"); // not what has a longer name
    assert.deepEqual(await bytes.list("shared/a"), [{ name: "bb" }]);
    await bytes.remove("shared/a");
    await bytes.remove("shared/a");
    assert.deepEqual(await bytes.list("shared"), []);
  });

  test("an offer said twice is one task, and arrives as it was signed", async (place) => {
    const parties = new Parties(place);
    const task = await parties.leader.offer(head());
    assert.deepEqual(await parties.leader.offer(head()), task);
    assert.equal(task.task, sha256(canonicalJson(head())));
    await using silo = parties.silo();
    const taken = await take(silo);
    assert.deepEqual([taken.name, taken.head], [task, head()]);
    assert.ok(await findsNothing(silo), "a second one");
    await using other = parties.silo("fr");
    assert.ok(await findsNothing(other, "fr"), "another source's task");
  });

  test("the first answer stands, whoever says another later", async (place) => {
    const parties = new Parties(place);
    const task = await parties.leader.offer(head());
    await using first = parties.silo();
    await using second = parties.silo("it", { leaseMs: 0 }); // believes in no lease
    const [one, two] = [await take(first), await take(second)];
    assert.deepEqual(await one.answer({ lossNats: 1 }), { lossNats: 1 });
    assert.deepEqual(await two.answer({ lossNats: 2 }), { lossNats: 1 });
    const reply = { task, kind: "answer", answer: { lossNats: 1 } };
    assert.deepEqual(await parties.reply(task), reply);
    assert.deepEqual(await place.open("leader").list(tasksFolder("it")), []); // nothing is open
    // A leader that starts again asks again, and has the same; the task is not there to be taken any more.
    const again = new Parties(place);
    assert.deepEqual(await again.leader.offer(head()), task);
    assert.deepEqual(await again.reply(task), reply);
    assert.ok(await findsNothing(first));
  });

  test("an earlier round is taken first; what is withdrawn is not taken", async (place) => {
    const parties = new Parties(place);
    for (const round of [10, 9, 2]) await parties.leader.offer(head("it", round));
    await using silo = parties.silo();
    const taken = await take(silo);
    assert.equal(taken.name.round, 2);
    await taken.answer({});
    await parties.leader.withdraw(await parties.leader.offer(head("it", 9)));
    assert.equal((await take(silo)).name.round, 10);
  });

  test("who declines leaves a task alone, and another answers it", async (place) => {
    const parties = new Parties(place);
    const task = await parties.leader.offer(head());
    await using full = parties.silo();
    await using free = parties.silo();
    await (await take(full)).decline({ why: "disk full" });
    assert.ok(await findsNothing(full));
    const replies = parties.leader.replies([task], never)[Symbol.asyncIterator]();
    const declined = { task, kind: "declined", why: { why: "disk full" } };
    assert.deepEqual((await replies.next()).value, declined);
    await (await take(free)).answer({ ok: true });
    let last: Reply | undefined;
    for await (const reply of { [Symbol.asyncIterator]: () => replies }) last = reply;
    assert.equal(last?.kind, "answer");
  });

  test("a task is held by one worker until it is given back, or silent for too long", async (place) => {
    const parties = new Parties(place);
    await parties.leader.offer(head());
    const first = parties.silo("it", { worker: "first" });
    await using second = parties.silo("it", { worker: "second", leaseMs: 700 });
    const held = await take(first);
    assert.ok(await findsNothing(second));
    await held.release();
    await (await take(second)).release();
    await take(first);
    await first[Symbol.asyncDispose](); // as killed: nothing is given back
    await using back = parties.silo("it", { worker: "first" });
    await take(back); // its own, at once
    await back[Symbol.asyncDispose]();
    await take(second); // 0.7 s later
  });

  test("progress comes while a worker is at it", async (place) => {
    const parties = new Parties(place);
    const task = await parties.leader.offer(head());
    await using silo = parties.silo();
    const taken = await take(silo);
    taken.note({ done: 3, total: 5 });
    const progress = { done: 3, total: 5 };
    assert.deepEqual(await parties.reply(task), { task, kind: "working", progress });
    await taken.release();
  });

  test("a round closes once, by the record that came first", async (place) => {
    const { leader, silo } = { leader: new Parties(place).leader, silo: new Parties(place).silo() };
    assert.equal(await silo.closed(run, 1), undefined);
    assert.equal(await leader.closed(1), undefined);
    assert.deepEqual(await leader.closeRound(1, { came: ["it"] }), { came: ["it"] });
    const second = new Parties(place).leader;
    assert.deepEqual(await second.closeRound(1, { came: ["it", "fr"] }), { came: ["it"] });
    assert.deepEqual(await silo.closed(run, 1), { came: ["it"] });
    assert.equal(await silo.closed(run, 2), undefined);
    const stranger = new Parties(place, { privateKey: makeKeyPair().privateKey }).leader;
    await assert.rejects(stranger.closeRound(1, {}), /the signature of another/);
  });

  test("files of any size come as they went; parts that are there do not move", async (place) => {
    const parties = new Parties(place);
    using folder = temporaryFolder();
    const [sent, got] = [join(folder.path, "sent"), join(folder.path, "got")];
    const silo = parties.silo();
    for (const bytes of [0, 1, partBytes + 5]) {
      const content = new Uint8Array(bytes).map((_, i) => i % 251);
      Deno.writeFileSync(sent, content);
      const ref = await parties.leader.put("shared", 1, sent);
      assert.equal(ref.bytes, bytes);
      await parties.leader.offer(head("it", 1, { object: ref.digest }));
      const task = await take(silo);
      await task.get(ref, got);
      assert.ok(sha256(Deno.readFileSync(got)) === sha256(content), `${bytes} bytes`);
      await task.answer({});
    }
    const written: string[] = [];
    const watched = watching(place.open("leader"), (name) => written.push(name));
    const again = new Leader(watched, { run, privateKey: keys.leader.privateKey, silos: {} });
    const { digest } = await again.put("shared", 1, sent);
    assert.deepEqual(written, []);
    await watched.remove(`shared/${run}/objects/1/${digest}`); // as if cut off before its end
    assert.equal((await again.put("shared", 1, sent)).digest, digest);
    assert.deepEqual(written, [`shared/${run}/objects/1/${digest}`]);
  });

  test("objects that are too large, endless, damaged or absent are refused", async (place) => {
    const parties = new Parties(place);
    using folder = temporaryFolder();
    const [sent, got] = [join(folder.path, "sent"), join(folder.path, "got")];
    await parties.leader.offer(head());
    await using silo = parties.silo();
    const task = await take(silo);
    Deno.writeTextFileSync(sent, "weights");
    const ref = await task.put(sent);
    const refuses = async (why: RegExp, { claim = ref, most = 100, source = "it" } = {}) => {
      await assert.rejects(parties.leader.get(source, claim, got, most), {
        name: "RefusedError",
        message: why,
      });
      assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["sent"]);
    };
    await refuses(/expected at most 6 B, found 7 B/, { most: 6 });
    await refuses(/expected a listing of 8 B, found another/, { claim: { ...ref, bytes: 8 } });
    await refuses(/found nothing/, { source: "fr" });
    await refuses(/expected area up, found shared/, { claim: { ...ref, area: "shared" } });
    await refuses(/expected its area, round, digest and bytes/, {
      claim: { ...ref, digest: "../../../etc/passwd" },
    });
    const part = `up/it/${run}/objects/1/${sha256("weights")}`;
    const place_ = place.open("it");
    await place_.replace(part, new TextEncoder().encode("weigh!s"));
    await refuses(/found other bytes: it is damaged/);
    await place_.replace(part, new Uint8Array(1 << 20));
    await refuses(/expected at most 7 B as .*found more/);
    await task.put(sent); // mends it
    await parties.leader.get("it", ref, got, 7);
    assert.equal(Deno.readTextFileSync(got), "weights");
  });

  test("what another said, or said of another task, is refused and named", async (place) => {
    const parties = new Parties(place);
    const [first, second] = [
      await parties.leader.offer(head("it", 1)),
      await parties.leader.offer(head("it", 2)),
    ];
    await using silo = parties.silo();
    const answered = await take(silo);
    await answered.answer({ lossNats: 1 });
    // An answer of an earlier round, shown again.
    const bytes = place.open("it");
    await bytes.create(
      replyName(second, "answer"),
      (await bytes.read(replyName(first, "answer"), 1e4))!,
    );
    const replayed = await parties.reply(second);
    assert.ok(replayed.kind === "refused");
    assert.match(replayed.why, /expected it signed, found answer of .*"round":1,/);
    // One that somebody has changed.
    const third = await parties.leader.offer(head("it", 3));
    await bytes.create(replyName(third, "answer"), new TextEncoder().encode('{"text":"{}"}'));
    const changed = await parties.reply(third);
    assert.ok(changed.kind === "refused" && /found something else/.test(changed.why));
    // A silo with the key of another.
    const fourth = await parties.leader.offer(head("it", 4));
    await using thief = parties.silo("it", { privateKey: keys.fr.privateKey });
    await (await take(thief)).answer({});
    const stolen = await parties.reply(fourth);
    assert.ok(stolen.kind === "refused" && /the signature of another/.test(stolen.why));
  });

  test("a silo takes no task that its leader did not sign for it", async (place) => {
    const stranger = new Parties(place, { privateKey: makeKeyPair().privateKey });
    await stranger.leader.offer(head("it", 1));
    const parties = new Parties(place);
    const task = await parties.leader.offer(head("fr", 2));
    const bytes = place.open("leader");
    const file = (await bytes.read(offerName(task), 1e4))!;
    await bytes.replace(offerName({ ...task, source: "it" }), file);
    const named = { run, round: 3, source: "it", task: sha256("another head") };
    const misnamed = signed("task", named, head("it", 3), keys.leader.privateKey);
    await bytes.replace(offerName(named), misnamed);
    const refused: string[] = [];
    await using silo = parties.silo("it", { onRefused: (message) => refused.push(message) });
    assert.ok(await findsNothing(silo));
    assert.match(
      refused.join("\n"),
      /signature of another.*\n.*found task of .*"source":"fr".*\n.*expected the head that has this digest/,
    );
    assert.equal(refused.length, 3); // each once, however often it looks
  });

  test("a silent task is offered again, also where everything was lost", async (place) => {
    const parties = new Parties(place, { offerAgainMs: 50 });
    const task = await parties.leader.offer(head());
    await place.open("leader").remove("down");
    const reply = parties.reply(task);
    await using silo = parties.silo();
    await (await take(silo)).answer({ ok: true });
    assert.equal((await reply).kind, "answer");
  });

  test("waiting ends when it is asked to", async (place) => {
    const parties = new Parties(place);
    const task = await parties.leader.offer(head("fr"));
    const ended = [];
    for await (const reply of parties.leader.replies([task], AbortSignal.timeout(100))) {
      ended.push(reply);
    }
    assert.deepEqual(ended, []);
    assert.ok(await findsNothing(parties.silo()));
  });

  test("rounds are forgotten, except what is named, and records stay", async (place) => {
    const parties = new Parties(place);
    using folder = temporaryFolder();
    const [sent, got] = [join(folder.path, "sent"), join(folder.path, "got")];
    Deno.writeTextFileSync(sent, "x");
    const refs = [];
    await using silo = parties.silo();
    for (const round of [1, 2, 3]) {
      const shared = await parties.leader.put("shared", round, sent);
      await parties.leader.put({ down: "it" }, round, sent);
      await parties.leader.offer(head("it", round));
      const task = await take(silo);
      await task.get(shared, got);
      refs.push(await task.put(sent));
      await task.answer({});
      await parties.leader.closeRound(round, {});
    }
    await parties.leader.forget(3, [{ source: "it", round: 1 }]);
    await parties.leader.get("it", refs[0], got, 10); // named
    await assert.rejects(parties.leader.get("it", refs[1], got, 10), /found nothing/);
    await parties.leader.get("it", refs[2], got, 10);
    const bytes = place.open("leader");
    const rounds = async (folder: string) => (await bytes.list(folder)).map(({ name }) => name);
    assert.deepEqual(await rounds(`shared/${run}/objects`), ["3"]);
    assert.deepEqual(await rounds(`down/it/${run}/objects`), ["3"]);
    assert.deepEqual(await rounds(`up/it/${run}/replies`), ["1", "3"]);
    assert.deepEqual(await rounds(`shared/${run}/rounds`), ["1", "2", "3"]);
    assert.equal((await bytes.list(tasksFolder("it"))).length, 1); // of round 3
    assert.deepEqual(await silo.closed(run, 1), {});
  });
}

/** A place that tells what is written. */
function watching(inner: NamedBytes, onWrite: (name: string) => void): NamedBytes {
  return new Proxy(inner, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...args: [string]) => {
        if (key === "create" || key === "replace") onWrite(args[0]);
        return value.apply(target, args);
      };
    },
  });
}
