/**
 * S3 as exchange: rights that the server enforces, and links and servers that fail. Ceph's radosgw is the server.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeKeyPair, s3AccessOf } from "../../exchange/mod.ts";
import { Leader } from "../../exchange/leader.ts";
import { partBytes } from "../../exchange/objects.ts";
import { PersistentBytes } from "../../exchange/persistent.ts";
import { S3Bytes } from "../../exchange/s3.ts";
import type { S3Access } from "../../exchange/s3_access.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { checkOwnOnly, checkThief } from "../support/exchange_rights.ts";
import { S3Kind } from "../support/exchange_places.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const kind = new S3Kind();
Deno.test.afterAll(() => kind[Symbol.asyncDispose]());

type Place = Awaited<ReturnType<S3Kind["make"]>>;

function test(name: string, body: (place: Place) => Promise<void>): void {
  const skipped = kind.whyNot === undefined ? "" : `: skipped: ${kind.whyNot}`;
  Deno.test({ name: `S3Bytes: ${name}${skipped}`, ignore: skipped !== "" }, async () => {
    await using place = await kind.make();
    await body(place);
  });
}

const run = "b".repeat(64);
const one = new Uint8Array([1]);
const forbidden = { name: "StageError", message: /status 403 AccessDenied/ };

test("a silo reads and writes what is its own, and nothing else", (place) =>
  checkOwnOnly(place, forbidden));

test("without the right keys nothing is read, and who refuses says why", async (place) => {
  const it = place.access.get("it")!;
  const open = (access: S3Access) => new S3Bytes(place.url, access);
  await using wrong = open({ ...it, secretAccessKey: "guessed" });
  await assert.rejects(wrong.read("shared/x", 1), /status 403 SignatureDoesNotMatch/);
  await using nobody = open({ ...it, accessKeyId: "nobody" });
  await assert.rejects(nobody.list("shared"), /status 403 InvalidAccessKeyId/);
  await using elsewhere = new S3Bytes("s3://no-bucket/x", place.access.get("leader")!);
  await assert.rejects(elsewhere.read("shared/x", 1), /status 404 NoSuchBucket/);
});

test("a task is answered through another's keys by nobody", (place) =>
  checkThief(place, forbidden));

test("over TLS a server is believed only if its certificate is", async (place) => {
  const leader = (await kind.server()).overTls(place.access.get("leader")!);
  await using trusted = new S3Bytes(place.url, leader);
  await trusted.replace("shared/x", one);
  assert.deepEqual(await trusted.read("shared/x", 1), one);
  await using stranger = new S3Bytes(place.url, { ...leader, certificates: undefined });
  await assert.rejects(stranger.read("shared/x", 1), {
    name: "UnreachableError",
    message: /certificate/,
  });
});

test("a folder of more than a page is listed and removed whole", async (place) => {
  const leader = place.open("leader");
  const names = Array.from({ length: 1003 }, (_, i) => `${i}`.padStart(4, "0"));
  for (let i = 0; i < names.length; i += 50) {
    const some = names.slice(i, i + 50);
    await Promise.all(some.map((name) => leader.replace(`shared/many/${name}`, one)));
  }
  assert.deepEqual((await leader.list("shared/many")).map(({ name }) => name), names);
  await leader.remove("shared/many");
  assert.deepEqual(await leader.list("shared/many"), []);
});

test("a put goes on through a cut link, silence and a killed server", async (place) => {
  using folder = temporaryFolder();
  const [sent, got] = [join(folder.path, "sent"), join(folder.path, "got")];
  Deno.writeFileSync(sent, new Uint8Array(partBytes + 3).map((_, i) => i % 253));
  const server = await kind.server();
  using proxy = new TcpProxy(server.port);
  const troubles: string[] = [];
  const access = { ...place.access.get("leader")!, endpoint: `http://127.0.0.1:${proxy.port}` };
  const through = new PersistentBytes(
    new S3Bytes(place.url, access, 1000),
    (message) => troubles.push(message),
  );
  await using leader = new Leader(through, {
    run,
    privateKey: makeKeyPair().privateKey,
    silos: {},
  });
  const soon = (act: () => unknown) => setTimeout(act, 1200);
  proxy.after(20 << 20, () => (proxy.cut(), soon(() => proxy.mend())));
  const ref = await leader.put("shared", 1, sent);
  assert.equal(ref.bytes, partBytes + 3);
  proxy.silence();
  soon(() => proxy.mend());
  assert.equal(await leader.closed(1), undefined);
  await server.kill();
  soon(() => server.serve());
  assert.deepEqual(await leader.put("shared", 1, sent), ref); // finds that it is there
  assert.match(troubles[0], /^Cannot reach s3:.*: expected an answer, found/);
  // And down again: what has come before the cut is read again, a part at the most.
  proxy.after(20 << 20, () => (proxy.cut(), soon(() => proxy.mend())));
  const { digest, bytes, area, round } = ref;
  const { getFile } = await import("../../exchange/objects.ts");
  await getFile(through, `${area}/${run}/objects/${round}`, { digest, bytes }, got, bytes);
  assert.ok(Deno.readFileSync(got).every((byte, i) => byte === i % 253));
});

Deno.test("S3Bytes: an object without an end is given up at the size that is asked for", async () => {
  let sent = 0;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    const pull = (controller: ReadableStreamDefaultController) => {
      sent += 1 << 16;
      controller.enqueue(new Uint8Array(1 << 16));
    };
    return new Response(new ReadableStream({ pull }));
  });
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  await using place = new S3Bytes("s3://bucket/x", {
    endpoint,
    accessKeyId: "a",
    secretAccessKey: "b",
  });
  await assert.rejects(place.read("up/it/x", 1 << 20), {
    name: "TooLargeError",
    message: /expected at most 1\.0 MB, found more/,
  });
  assert.ok(sent < 64 << 20, `${sent} bytes were sent`);
});

Deno.test("s3AccessOf() reads what other programs read, and says what is missing", () => {
  const of = (variables: Record<string, string>) => s3AccessOf(new Map(Object.entries(variables)));
  const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
  assert.equal(of(keys).endpoint, "https://s3.us-east-1.amazonaws.com");
  assert.equal(
    of({ ...keys, AWS_REGION: "eu-west-1" }).endpoint,
    "https://s3.eu-west-1.amazonaws.com",
  );
  const here = { ...keys, AWS_ENDPOINT_URL: "http://localhost:1" };
  assert.equal(of(here).endpoint, "http://localhost:1");
  assert.throws(() => of({ AWS_ACCESS_KEY_ID: "a" }), /expected variables AWS_ACCESS_KEY_ID and/);
});
