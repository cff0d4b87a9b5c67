/**
 * NATS as exchange: rights that the server enforces, and links and servers that fail. Debian's `nats-server` is the server.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { connect, headers } from "@nats-io/transport-node";
import { makeKeyPair, natsAccessOf } from "../../exchange/mod.ts";
import { Leader } from "../../exchange/leader.ts";
import { NatsBytes } from "../../exchange/nats.ts";
import { PersistentBytes } from "../../exchange/persistent.ts";
import { Silo } from "../../exchange/silo.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { checkOwnOnly, checkThief } from "../support/exchange_rights.ts";
import { NatsKind } from "../support/exchange_places.ts";
import { madeCredentials } from "../support/nats_credentials.ts";
import { NatsServer, whyNoNatsServer } from "../support/nats_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const kind = new NatsKind();
Deno.test.afterAll(() => kind[Symbol.asyncDispose]());

type Place = Awaited<ReturnType<NatsKind["make"]>>;

function test(name: string, body: (place: Place) => Promise<void>): void {
  const skipped = kind.whyNot === undefined ? "" : `: skipped: ${kind.whyNot}`;
  Deno.test({ name: `NatsBytes: ${name}${skipped}`, ignore: skipped !== "" }, async () => {
    await using place = await kind.make();
    await body(place);
  });
}

const run = "c".repeat(64);
const one = new Uint8Array([1]);
const forbidden = { name: "StageError", message: /found Permissions Violation for Publish/ };

/** Bytes of which no two pieces are alike. */
function large(bytes: number): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) content[i] = (i >> 16) + i % 251;
  return content;
}

test("a silo reads and writes what is its own, and nothing else", (place) =>
  checkOwnOnly(place, forbidden));

test("answers of the server go nowhere where a silo may not write", async (place) => {
  const leader = place.open("leader");
  await leader.replace("down/it/x", one);
  await leader.replace("down/fr/x", one);
  const it = place.open("it");
  await it.replace("up/it/x", one);
  const { user, password, certificates } = place.access.get("it")!;
  const { port } = await kind.server();
  const tls = { ca: certificates, host: "127.0.0.1" };
  const library = await connect({ servers: `127.0.0.1:${port}`, user, pass: password, tls });
  // Each names another's subject as the one to answer to. In one account for all, this would write there.
  for (const reply of ["runs.head.up.fr.x.=", "runs.head.down.fr.x.=", "runs.head.shared.x.="]) {
    library.publish("runs.api.DIRECT.GET.runs-UP-it.runs.head.up.it.x.=", "", { reply });
    library.publish("runs.head.up.it.x.=", "mine", { reply });
    library.publish("runs.api.STREAM.INFO.runs-UP-it", "", { reply });
  }
  await library.flush();
  await it.replace("up/it/y", one); // comes after them
  await library.close();
  assert.deepEqual(await leader.list("up/fr"), []);
  assert.deepEqual(await leader.list("shared"), []);
  assert.deepEqual((await leader.list("up/it")).map(({ name }) => name), ["y"]); // «mine» is nothing that we wrote
  assert.deepEqual(await leader.read("down/fr/x", 1), one);
});

test("a task is answered through another's account by nobody", (place) =>
  checkThief(place, forbidden));

test("without the right password or certificate nothing is read", async (place) => {
  const it = place.access.get("it")!;
  for (const wrong of [{ ...it, password: "guessed" }, { certificates: it.certificates }]) {
    await using nobody = new NatsBytes(place.url, wrong);
    await assert.rejects(nobody.read("shared/x", 1), {
      name: "StageError",
      message: /^Cannot open tls:.*: expected success, found Authorization Violation/i,
    });
  }
  await using stranger = new NatsBytes(place.url, { ...it, certificates: undefined });
  await assert.rejects(stranger.read("shared/x", 1), {
    name: "UnreachableError",
    message: /certificate|UnknownIssuer/i,
  });
});

test("content that lacks a piece is not there, and can be written again", async (place) => {
  const leader = place.open("leader");
  const content = large(1_200_000); // 3 pieces
  const library = await rawLeader(place);
  const piecesOf = async (name: string) => {
    const filter = `runs.piece.${name.replaceAll("/", ".")}.>`;
    const asked = JSON.stringify({ subjects_filter: filter });
    const info = await library.request("$JS.API.STREAM.INFO.runs-SHARED", asked);
    return Object.keys(info.json<{ state: { subjects?: object } }>().state.subjects ?? {});
  };
  for (const write of ["replace", "create"] as const) {
    const name = `shared/${write}`;
    await leader[write](name, content);
    const pieces = await piecesOf(name);
    assert.equal(pieces.length, 3);
    const filter = JSON.stringify({ filter: pieces[1] });
    await library.request("$JS.API.STREAM.PURGE.runs-SHARED", filter);
    assert.equal(await leader.read(name, 2e6), undefined);
    assert.equal(await leader.find(name), undefined);
    assert.deepEqual((await leader.list("shared")).filter((entry) => entry.name === write), []);
    await leader[write](name, content);
    assert.deepEqual(await leader.read(name, 2e6), content);
    await leader.remove(name);
    assert.deepEqual(await piecesOf(name), []);
  }
  await library.close();
});

test("pieces without a head are a folder, which can be removed", async (place) => {
  const leader = place.open("leader");
  await leader.replace("shared/objects/7/x", large(600_000));
  const library = await rawLeader(place);
  const filter = JSON.stringify({ filter: "runs.head.shared.objects.7.x.=" });
  await library.request("$JS.API.STREAM.PURGE.runs-SHARED", filter); // as if the writer was killed before
  await library.close();
  assert.deepEqual(await leader.list("shared/objects/7"), []);
  assert.deepEqual(await leader.list("shared/objects"), [{ name: "7" }]);
  await leader.remove("shared/objects/7");
  assert.deepEqual(await leader.list("shared/objects"), []);
});

test("a folder of a thousand names is listed and removed whole, and names of any kind stay apart", async (place) => {
  const leader = place.open("leader");
  const names = Array.from({ length: 1003 }, (_, i) => `${i}`.padStart(4, "0"));
  await Promise.all(names.map((name) => leader.replace(`shared/many/${name}`, one)));
  assert.deepEqual((await leader.list("shared/many")).map(({ name }) => name), names);
  await leader.remove("shared/many");
  assert.deepEqual(await leader.list("shared/many"), []);
  const odd = ["*", ">", "a b", "a.b", "a=b", "é", "%2F", "="].sort();
  for (const name of odd) await leader.create(`shared/odd/${name}`, new TextEncoder().encode(name));
  assert.deepEqual((await leader.list("shared/odd")).map(({ name }) => name), odd);
  for (const name of odd) {
    assert.equal(new TextDecoder().decode(await leader.read(`shared/odd/${name}`, 9)), name);
  }
  await leader.remove("shared/odd/*");
  assert.equal((await leader.list("shared/odd")).length, odd.length - 1);
  await assert.rejects(leader.create("else/x", one), /expected it in shared, down, up/);
});

test("a put and a get go on through a cut link, silence and a killed server", async (place) => {
  const content = large(12 << 20);
  const server = await kind.server();
  using proxy = new TcpProxy(server.port);
  const troubles: string[] = [];
  await using through = new PersistentBytes(
    new NatsBytes(`tls://127.0.0.1:${proxy.port}/runs`, place.access.get("leader")!, 1000),
    (message) => troubles.push(message),
  );
  const soon = (act: () => unknown) => setTimeout(act, 1200);
  proxy.after(4 << 20, () => (proxy.cut(), soon(() => proxy.mend())));
  await through.replace("shared/x", content);
  proxy.after(4 << 20, () => (proxy.silence(), soon(() => proxy.mend())));
  await through.replace("shared/y", content);
  await server.kill();
  soon(() => server.serve());
  for (const name of ["shared/x", "shared/y"]) {
    assert.equal((await through.find(name))?.bytes, content.length);
    proxy.after(4 << 20, () => (proxy.cut(), soon(() => proxy.mend())));
    assert.ok(Buffer.compare((await through.read(name, 1e8))!, content) === 0);
  }
  assert.match(troubles[0], /^Cannot reach tls:.*: expected an answer, found/);
});

test("what was written again and again is there after the server was killed", async (place) => {
  const leader = place.open("leader");
  await leader.replace("shared/x", one); // makes the stream
  const server = await kind.server();
  const library = await rawLeader(place);
  // Half a megabyte in one message: the server writes on in another file after 16 of them.
  const content = large(500_000);
  const header = headers();
  header.set("Content-Bytes", `${content.length}`);
  const write = (name: number) =>
    library.request(`runs.head.shared.${name}.=`, content, { headers: header, timeout: 30_000 });
  for (let name = 0; name < 40; name++) await write(name);
  for (let name = 0; name < 70; name++) {
    await write(name);
    if (name > 30 && name < 37) await write(10);
  }
  await library.close();
  await server.kill();
  await server.serve();
  const again = place.open("leader");
  for (let name = 0; name < 70; name++) {
    assert.equal((await again.read(`shared/${name}`, 1e6))?.length, content.length, `${name}`);
  }
});

test("a server that has lost everything is told again", async (place) => {
  const keys = { leader: makeKeyPair(), it: makeKeyPair() };
  const persistent = (party: string) => new PersistentBytes(place.open(party), () => {});
  await using leader = new Leader(persistent("leader"), {
    run,
    privateKey: keys.leader.privateKey,
    silos: { it: keys.it.publicKey },
    offerAgainMs: 100,
  });
  await using silo = new Silo(persistent("it"), {
    privateKey: keys.it.privateKey,
    leaderKey: keys.leader.publicKey,
  });
  const { signal } = new AbortController();
  const task = await leader.offer({ run, round: 1, source: "it" });
  const taken = await silo.take(["it"], signal);
  const server = await kind.server();
  await server.kill();
  await server.wipe();
  await server.serve();
  const replies = leader.replies([task], signal)[Symbol.asyncIterator]();
  const next = replies.next();
  await taken!.answer({ lossNats: 2 }); // waits until the leader has made the streams again
  assert.deepEqual((await next).value, { task, kind: "answer", answer: { lossNats: 2 } });
  await replies.return?.(undefined);
});

Deno.test({
  name: "NatsBytes: a file of credentials lets one in, and no other",
  ignore: whyNoNatsServer() !== undefined,
  async fn() {
    const { configuration, credentials } = madeCredentials();
    await using server = await NatsServer.start(configuration);
    await using place = new NatsBytes(server.url("runs"), server.trusted({ credentials }));
    await place.replace("shared/x", one);
    assert.deepEqual(await place.read("shared/x", 1), one);
    const others = madeCredentials().credentials;
    await using stranger = new NatsBytes(
      server.url("runs"),
      server.trusted({ credentials: others }),
    );
    await assert.rejects(stranger.read("shared/x", 1), /found Authorization Violation/i);
  },
});

Deno.test("natsAccessOf() reads what other programs read, and says what is missing", () => {
  const of = (variables: Record<string, string>) =>
    natsAccessOf(new Map(Object.entries(variables)));
  assert.deepEqual(of({ NATS_USER: "it", NATS_PASSWORD: "x" }).user, "it");
  assert.throws(() => of({ NATS_USER: "it" }), /expected variables NATS_USER and NATS_PASSWORD/);
  using folder = temporaryFolder();
  const file = join(folder.path, "it.creds");
  Deno.writeTextFileSync(file, "credentials");
  assert.equal(of({ NATS_CREDS: file, NATS_CA: file }).certificates, "credentials");
  const both = { NATS_USER: "it", NATS_PASSWORD: "x", NATS_CREDS: file };
  assert.throws(() => of(both), /NATS_CREDS alone, found NATS_USER and NATS_PASSWORD and/);
});

/** A connection of the leader without what is between it and us. */
async function rawLeader(place: Place) {
  const { user, password, certificates } = place.access.get("leader")!;
  const tls = { ca: certificates, host: "127.0.0.1" };
  const servers = `127.0.0.1:${(await kind.server()).port}`;
  return await connect({ servers, user, pass: password, tls });
}
