import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import { join } from "node:path";
import {
  DownloadCache,
  HttpClient,
  type HttpOptions,
  openHttp,
} from "../../../datasets/http/mod.ts";
import { type DocumentReader, readerDefaults, readerModule } from "../../../datasets/mod.ts";
import { StageError } from "../../../base/mod.ts";
import { temporaryFolder } from "../../support/command_line.ts";
import { type Fault, HubServer, sha256 } from "../../support/hub_server.ts";

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const other = bytes.map((byte) => byte ^ 255);
const path = "/files/a.bin";

/** Waits are a thousandth of the real ones. */
const hasty: Partial<HttpOptions> = {
  firstDelayMs: 1,
  maxDelayMs: 4,
  windowMs: 400,
  maxAttempts: 4,
};

function client(more: Partial<HttpOptions> = {}): { client: HttpClient; reasons: string[] } {
  const reasons: string[] = [];
  const onRetry = (reason: string) => void reasons.push(reason);
  return { client: new HttpClient({ ...hasty, onRetry, ...more }), reasons };
}

function serverWith(...faults: Fault[]): HubServer {
  const server = new HubServer();
  server.files.set(path, { bytes });
  server.misbehave(path, ...faults);
  return server;
}

/** The first answer is to the question what the file is; faults come after it. */
const well: Fault = {};

const passing: Readonly<Record<string, readonly Fault[]>> = {
  "nothing amiss": [],
  "a busy server": [{ status: 429, headers: { "retry-after": "0" } }, { status: 503 }],
  "an error of the server, before and after": [{ status: 500 }, well, { status: 500 }, {
    status: 502,
  }],
  "cut connections": [well, { cutAfter: 100_000 }, { cutAfter: 70_000 }, { cutAfter: 0 }],
  "a length that is too long": [well, { lengthOff: 5 }],
  "a length that is too short": [well, { cutAfter: 150_000 }, { lengthOff: -10 }],
  "a stale range": [well, { cutAfter: 150_000 }, { rangeOff: 7 }, { rangeOff: -7 }],
  "ranges that are ignored": [well, { cutAfter: 150_000 }, { whole: true }],
  "slow bytes": [well, { stallMs: 5000 }],
  "no answer": [{ silent: true }],
};

for (const [what, faults] of Object.entries(passing)) {
  Deno.test(`DownloadCache brings the file through ${what}`, async () => {
    await using server = serverWith(...faults);
    using folder = temporaryFolder();
    const { client: http } = client();
    const found = await new DownloadCache(folder.path, http).fetch(server.url + path);
    deepStrictEqual(Deno.readFileSync(found.path), bytes);
    strictEqual(found.sha256, sha256(bytes));
  });

  Deno.test(`openHttp() streams the same bytes through ${what}`, async () => {
    await using server = serverWith(...faults);
    await using input = await openHttp(server.url + path, client().client);
    const chunks = [];
    for await (const chunk of input.stream(1000)) chunks.push(...chunk);
    deepStrictEqual(Uint8Array.from(chunks), bytes.subarray(1000));
  });
}

Deno.test("a broken transfer goes on where it broke", async () => {
  await using server = serverWith(well, { cutAfter: 100_000 });
  using folder = temporaryFolder();
  await new DownloadCache(folder.path, client().client).fetch(server.url + path);
  const ranges = server.requestsOf(path).map(({ headers }) => headers.range);
  strictEqual(ranges[2], "bytes=100000-299999");
  match(server.requestsOf(path)[2].headers["if-range"], /^"/);
});

Deno.test("openHttp() reads ranges and nothing else", async () => {
  await using server = serverWith();
  await using input = await openHttp(server.url + path, client().client);
  strictEqual(input.name, "a.bin");
  strictEqual(input.size, bytes.length);
  deepStrictEqual(await input.read(5, 10), bytes.slice(5, 15));
  deepStrictEqual(await input.read(bytes.length - 1, 1), bytes.slice(-1));
  deepStrictEqual(await input.read(0, 0), new Uint8Array());
  strictEqual(server.requestsOf(path)[1].headers.range, "bytes=5-14");
  await rejects(input.read(bytes.length, 1), /expected a range inside its 300000 bytes/);
});

Deno.test("openHttp() refuses to go on when the file changes between two reads", async () => {
  await using server = serverWith();
  await using input = await openHttp(server.url + path, client().client);
  await input.read(0, 10);
  server.files.get(path)!.bytes = other;
  await rejects(
    input.read(10, 10),
    /Cannot fetch ".*a\.bin": expected version ".*found.*changed while/,
  );
  const cut = serverWith(well, { cutAfter: 100_000 }, { becomes: other });
  await using _ = cut;
  await using half = await openHttp(cut.url + path, client().client);
  await rejects(Array.fromAsync(half.stream()), /changed while it was read/);
});

Deno.test("DownloadCache starts anew when the file changes in mid-transfer, and never mixes two", async () => {
  await using server = serverWith(well, { cutAfter: 100_000 }, { becomes: other });
  using folder = temporaryFolder();
  const found = await new DownloadCache(folder.path, client().client).fetch(server.url + path);
  deepStrictEqual(Deno.readFileSync(found.path), other);
});

Deno.test("a server that keeps failing is given up with its last word", async () => {
  await using server = serverWith(...Array.from({ length: 20 }, () => ({ status: 500 })));
  using folder = temporaryFolder();
  const { client: http, reasons } = client();
  await rejects(
    new DownloadCache(folder.path, http).fetch(server.url + path),
    (error: Error) =>
      error instanceof StageError && /status 500, 4 times in a row/.test(error.message),
  );
  strictEqual(reasons.length, 3);
  // One that cuts after a byte each time brings nothing worth while.
  await using drip = serverWith(well, ...Array.from({ length: 20 }, () => ({ cutAfter: 1 })));
  await rejects(new DownloadCache(folder.path, http).fetch(drip.url + path), /4 times in a row/);
  deepStrictEqual(
    [...Deno.readDirSync(folder.path)].flatMap(({ name }) =>
      [...Deno.readDirSync(join(folder.path, name))].filter((entry) => entry.name.endsWith(".data"))
    ),
    [],
  );
});

Deno.test("what cannot be had says so at once", async () => {
  await using server = serverWith({ status: 404 }, { status: 403 });
  const { client: http, reasons } = client();
  await rejects(openHttp(server.url + path, http), /expected status 200, found 404/);
  await rejects(
    openHttp(server.url + path, http),
    /found 403; data that needs an account needs a token/,
  );
  await rejects(openHttp("ftp://127.0.0.1/x", http), /expected an http or https URL/);
  deepStrictEqual(reasons, []);
});

Deno.test("waits double, jitter within their half, and Retry-After is obeyed", async () => {
  const delays: number[] = [];
  const onRetry = (_reason: string, delayMs: number) => void delays.push(delayMs);
  const slow: Fault = { status: 429, headers: { "retry-after": "1" } };
  await using server = serverWith({ status: 500 }, { status: 500 }, { status: 500 }, slow);
  const http = new HttpClient({
    ...hasty,
    firstDelayMs: 8,
    maxDelayMs: 16,
    maxAttempts: 9,
    onRetry,
  });
  await openHttp(server.url + path, http);
  ok(delays[0] >= 4 && delays[0] < 8, `${delays}`);
  ok(delays[1] >= 8 && delays[1] < 16, `${delays}`);
  ok(delays[2] >= 8 && delays[2] < 16, `${delays}`); // the cap of 16
  strictEqual(delays[3], 1000);
});

Deno.test("DownloadCache asks once, then only whether the ETag is still the same", async () => {
  await using server = serverWith();
  using folder = temporaryFolder();
  const cache = new DownloadCache(folder.path, client().client);
  const first = await cache.fetch(server.url + path);
  strictEqual(server.requestsOf(path).length, 2);
  deepStrictEqual(await cache.fetch(server.url + path), first);
  strictEqual(server.requestsOf(path).length, 3);
  await cache.fetch(server.url + path, { isImmutable: true });
  await cache.fetch(server.url + path, { sha256: sha256(bytes) });
  strictEqual(server.requestsOf(path).length, 3);
  server.files.get(path)!.bytes = other;
  const second = await cache.fetch(server.url + path);
  deepStrictEqual(Deno.readFileSync(second.path), other);
  // Without a network the copy is taken, and said to be one.
  server.misbehave(path, ...Array.from({ length: 9 }, () => ({ status: 500 })));
  const stale: string[] = [];
  deepStrictEqual(
    await cache.fetch(server.url + path, { onStale: (why) => stale.push(why) }),
    second,
  );
  match(stale[0], /status 500/);
});

Deno.test("DownloadCache fetches a damaged copy again, and serves none where it cannot", async () => {
  await using server = serverWith();
  using folder = temporaryFolder();
  const cache = new DownloadCache(folder.path, client().client);
  const first = await cache.fetch(server.url + path);
  const damage = () => {
    const { atime, mtime } = Deno.statSync(first.path);
    Deno.writeFileSync(first.path, bytes.with(7, bytes[7] ^ 1)); // as long
    Deno.utimeSync(first.path, atime!, mtime!);
  };
  for (const wishes of [{}, { isImmutable: true }, { sha256: sha256(bytes) }]) {
    damage();
    deepStrictEqual(await cache.fetch(server.url + path, wishes), first);
    deepStrictEqual(Deno.readFileSync(first.path), bytes);
  }
  damage();
  server.misbehave(path, ...Array.from({ length: 9 }, () => ({ status: 500 })));
  await rejects(cache.fetch(server.url + path), /status 500/);
});

Deno.test("DownloadCache goes on after a kill, and fetches one file once for all who wait", async () => {
  await using server = serverWith(well, { cutAfter: 200_000 });
  using folder = temporaryFolder();
  const once = new HttpClient({ ...hasty, maxAttempts: 1 });
  // Giving up leaves the part behind, as a kill does.
  await rejects(new DownloadCache(folder.path, once).fetch(server.url + path), StageError);
  const cache = new DownloadCache(folder.path, client().client);
  const found = await Promise.all([1, 2, 3].map(() => cache.fetch(server.url + path)));
  deepStrictEqual(Deno.readFileSync(found[0].path), bytes);
  deepStrictEqual(found[1], found[0]);
  const bodies = server.requestsOf(path).map(({ headers }) => headers.range)
    .filter((range) => range !== "bytes=0-0");
  deepStrictEqual(bodies, [undefined, "bytes=200000-299999"]);
});

Deno.test("DownloadCache refuses bytes that are not what they must be", async () => {
  await using server = serverWith();
  using folder = temporaryFolder();
  const cache = new DownloadCache(folder.path, client().client);
  const url = server.url + path;
  await rejects(
    cache.fetch(url, { sha256: sha256(other) }),
    /expected SHA-256 \w{64}, found \w{64}/,
  );
  await rejects(cache.fetch(url, { size: 5 }), /expected 5 bytes, found 300000/);
});

Deno.test("DownloadCache begins anew without an ETag to go on with", async () => {
  await using server = serverWith(well, { cutAfter: 100_000 });
  server.files.set(path, { bytes, noValidator: true });
  using folder = temporaryFolder();
  const found = await new DownloadCache(folder.path, client().client).fetch(server.url + path);
  deepStrictEqual(Deno.readFileSync(found.path), bytes);
  ok(
    server.requestsOf(path).every(({ headers }) => headers.range?.startsWith("bytes=0") !== false),
  );
});

Deno.test("DownloadCache refuses a file beyond the limit, by its stated length or by its bytes, and keeps no part", async () => {
  await using server = serverWith();
  let sent = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(++sent && 1 << 16)),
    });
  await using other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const isClaim = request.url.endsWith("claim");
    const headers = { "content-range": "bytes 0-0/1000000000000000000000", etag: '"1"' };
    if (isClaim) return new Response("a", { status: 206, headers });
    return new Response(endless());
  });
  const otherUrl = `http://127.0.0.1:${other.addr.port}`;
  using folder = temporaryFolder();
  const { client: limited } = client({ maxDownloadBytes: 200_000 });
  const cache = new DownloadCache(folder.path, limited);
  const way = "documents.maxDownloadBytes of a recipe allows more";
  for (
    const [url, found] of [
      [server.url + path, `expected at most 200.0 kB, found 300.0 kB; ${way}`],
      [`${otherUrl}/claim`, "expected at most 200.0 kB, found "],
      [`${otherUrl}/endless`, "found more, and no length in its server's answer"],
    ]
  ) {
    await rejects(cache.fetch(url), (error: Error) => {
      ok(error instanceof StageError && error.message.includes(found), error.message);
      return true;
    });
  }
  ok(sent < 100, `${sent} chunks were sent`);
  const kept = [...Deno.readDirSync(folder.path)]
    .flatMap(({ name }) => [...Deno.readDirSync(join(folder.path, name))]);
  ok(kept.every(({ name }) => name === "lock"), JSON.stringify(kept));
  // Without an own limit, 64 GiB of a length that is stated.
  const { client: usual } = client();
  await rejects(
    new DownloadCache(folder.path, usual).fetch(`${otherUrl}/claim`),
    /at most 68\.7 GB/,
  );
});

Deno.test("HttpClient never has more transfers than it may", async () => {
  await using server = serverWith();
  for (let i = 0; i < 6; i++) server.files.set(`/${i}`, { bytes });
  for (let i = 0; i < 6; i++) server.misbehave(`/${i}`, well, { stallMs: 30 });
  using folder = temporaryFolder();
  const cache = new DownloadCache(folder.path, client({ maxTransfers: 2 }).client);
  await Promise.all([0, 1, 2, 3, 4, 5].map((i) => cache.fetch(`${server.url}/${i}`)));
  ok(server.mostActive >= 2 && server.mostActive <= 3, `${server.mostActive}`); // one may be closing
});

Deno.test("HttpClient shares its transfers with other processes, and slots of the dead are free", async () => {
  await using server = serverWith();
  using folder = temporaryFolder();
  const slotsFolder = join(folder.path, "slots");
  const script = join(folder.path, "hold.ts");
  Deno.writeTextFileSync(
    script,
    `import { Slots } from ${
      JSON.stringify(import.meta.resolve("../../../datasets/http/slots.ts"))
    };
    await new Slots(1, Deno.args[0]).take();
    console.log("taken");
    await new Promise((resolve) => setTimeout(resolve, 60_000));`,
  );
  const other = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-lock", script, slotsFolder],
    stdout: "piped",
  }).spawn();
  const output = other.stdout.getReader();
  await output.read(); // it has taken the slot
  server.files.set("/0", { bytes });
  const cache = new DownloadCache(folder.path, client({ maxTransfers: 1, slotsFolder }).client);
  const fetched = cache.fetch(`${server.url}/0`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  strictEqual(server.requests.length, 0);
  other.kill("SIGKILL");
  await other.status;
  await output.cancel();
  strictEqual((await fetched).size, bytes.length);
});

Deno.test("a token goes to its own host only, whatever the redirects", async () => {
  await using hub = serverWith();
  await using store = serverWith();
  hub.redirects.set("/signed", `${store.url}${path}?signature=secret`);
  store.redirects.set("/back", `${hub.url}${path}`);
  const tokens = [{ origin: hub.url, token: "hush" }];
  const { client: http } = client({ tokens });
  await (await openHttp(`${hub.url}/signed`, http)).read(0, 10);
  await openHttp(`${store.url}/back`, http);
  strictEqual(hub.requestsOf("/signed")[0].headers.authorization, "Bearer hush");
  ok(store.requests.every(({ headers }) => headers.authorization === undefined));
  strictEqual(hub.requestsOf(path)[0].headers.authorization, "Bearer hush");
  // Neither token nor signature is in a message.
  store.misbehave(path, ...Array.from({ length: 9 }, () => ({ status: 500 })));
  await rejects(
    openHttp(`${hub.url}/signed`, http),
    (error: Error) => !/hush|secret/.test(error.message),
  );
});

Deno.test("redirects end somewhere", async () => {
  await using server = serverWith();
  server.redirects.set("/loop", "/loop");
  await rejects(openHttp(`${server.url}/loop`, client().client), /at most 10 redirects/);
});

Deno.test("a parquet file is read in place, by the ranges that it needs", async () => {
  const columnData = [
    { name: "other", data: Array.from({ length: 20_000 }, (_, i) => `${i} ${"x".repeat(i % 97)}`) },
    { name: "text", data: Array.from({ length: 20_000 }, (_, i) => `text ${i}`) },
  ];
  const parquet = new Uint8Array(parquetWriteBuffer({ columnData, codec: "UNCOMPRESSED" }));
  await using server = new HubServer();
  server.files.set("/a.parquet", { bytes: parquet });
  server.misbehave("/a.parquet", {}, { cutAfter: 3 }, {}, { status: 503 });
  await using input = await openHttp(`${server.url}/a.parquet`, client().client);
  const { reader } = await import(readerModule(input.name));
  const documents = await Array.fromAsync(
    (reader as DocumentReader).read(input, readerDefaults),
  );
  strictEqual(documents.length, 20_000);
  deepStrictEqual(documents[19_999], { text: "text 19999", id: "a.parquet:20000" });
  const asked = server.requests.map(({ headers }) => /bytes=(\d+)-(\d+)/.exec(headers.range ?? ""))
    .map((range) => range === null ? parquet.length : Number(range[2]) - Number(range[1]) + 1);
  const largest = asked.reduce((sum, bytes) => sum + bytes, 0);
  ok(largest < parquet.length / 2, `${largest} of ${parquet.length}`); // the other column is left where it is
});
