import assert from "node:assert/strict";
import { join } from "node:path";
import { finalBytes } from "../instruments/crash.ts";
import { readTar, writeTar } from "../../pipeline/tar.ts";
import { toyHere } from "../support/captured.ts";
import {
  finishedStore,
  inTemporaryFolder,
  namesIn,
  objectsIn,
  toy,
  toyCommand,
} from "../support/toy_cli.ts";

/** A store of the toy pipeline with all its results. */
async function fullStore(folder: string): Promise<string> {
  const store = join(folder, "full");
  await finishedStore(store);
  return store;
}

for (const name of ["results.tar", "results.tar.zst", "results"]) {
  Deno.test(`push and pull by ${name}: a table is printed without any stage running`, async () => {
    await inTemporaryFolder(async (folder) => {
      const full = await fullStore(folder);
      const to = join(folder, name);
      const pushed = await toy(full, "push", to);
      assert.match(pushed.stdout, /^Pushed 7 results to /, pushed.stderr);
      const other = join(folder, "other");
      const pulled = await toy(other, "pull", to);
      assert.match(
        pulled.stdout,
        /^Pulled 7 results from .*: \d objects, .* \(0 were there already\)/,
      );
      assert.deepEqual(finalBytes(other), finalBytes(full));
      assert.equal((await toy(other, "status")).code, 0, "all is fresh");
      assert.equal((await toy(other, "table")).stdout, (await toy(full, "table")).stdout);
      assert.deepEqual(namesIn(join(other, "logs")), [], "nothing ran, and only content travels");
      assert.equal((await toy(other, "verify")).code, 0);
      assert.match((await toy(other, "pull", to)).stdout, /Pulled 0 .* \(7 were there already\)/);
      assert.match((await toy(other, "gc", "-n")).stdout, /Would remove 0 results/);
    });
  });
}

Deno.test("push: targets, and what they need; the same results give the same archive", async () => {
  await inTemporaryFolder(async (folder) => {
    const full = await fullStore(folder);
    const [one, two] = ["one.tar", "two.tar"].map((name) => join(folder, name));
    await toy(full, "push", one, "walk/a/*");
    await toy(full, "push", two, "walk/a/*");
    assert.deepEqual(Deno.readFileSync(one), Deno.readFileSync(two));
    const other = join(folder, "other");
    await toy(other, "pull", one);
    const made = Object.keys(objectsIn(other)).sort();
    assert.deepEqual(made, ["walk/a/left#walk", "walk/a/right#walk", "words/a#words"]);
    const system = await new Deno.Command("tar", { args: ["tf", one] }).output();
    assert.ok(system.success, "other tools read it");
    assert.match(new TextDecoder().decode(system.stdout), /^format\nobjects\//);
  });
});

Deno.test("push --only leaves out what targets need, and table --kept prints what is pulled, whatever the recipe says now", async () => {
  await inTemporaryFolder(async (folder) => {
    const full = await fullStore(folder);
    const archive = join(folder, "tables.tar");
    const pushed = await toy(full, "push", archive, "--only", "table/*");
    assert.match(pushed.stdout, /^Pushed 1 result to /, pushed.stderr);
    const other = join(folder, "other");
    await toy(other, "pull", archive);
    assert.deepEqual(
      Object.keys(objectsIn(other)).map((name) => name.split("/")[0]),
      ["table"],
    );
    assert.equal((await toy(other, "table")).code, 2, "what it is made from is not there");
    const kept = await toy(other, "table", "--kept", "--set", "seed=12345");
    assert.equal(kept.code, 0, kept.stderr);
    assert.equal(kept.stdout, (await toy(full, "table")).stdout);
    const [{ notes }] = JSON.parse(
      (await toy(other, "table", "--kept", "--format", "json")).stdout,
    );
    assert.match(
      notes.at(-1),
      /^kept result of recipe \S+: [0-9a-f]{12}, made on \d{4}-\d\d-\d\d by Deno /,
    );
    const none = await toy(other, "table", "nothing", "--kept");
    assert.match(
      none.stderr,
      /Cannot print table\/nothing: expected a table of recipe .*found table\//,
    );
  });
});

Deno.test("pull from a URL takes an archive, and says what is wrong with an answer", async () => {
  await inTemporaryFolder(async (folder) => {
    const full = await fullStore(folder);
    await toy(full, "push", join(folder, "r.tar.zst"));
    const bytes = Deno.readFileSync(join(folder, "r.tar.zst"));
    /** What was asked for after the first byte. */
    const ranges: string[] = [];
    /** Gives ranges, and breaks off after a third of the file. */
    const breaking = ({ headers }: Request, bytes: Uint8Array) => {
      const [, from, end] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "bytes=0-")!;
      const part = bytes.subarray(Number(from), end === "" ? undefined : Number(end) + 1);
      if (from !== "0") ranges.push(headers.get("range")!);
      const piece = part.subarray(0, Math.ceil(bytes.length / 3));
      const body = ReadableStream.from((async function* () {
        yield piece;
        if (piece.length < part.length) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          throw new Error("cut");
        }
      })());
      const of = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
      return new Response(body, { status: 206, headers: { etag: '"1"', "content-range": of } });
    };
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {}, onError: () => new Response() },
      (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/r.tar.zst") return new Response(bytes);
        if (pathname === "/cut.tar.zst") return new Response(bytes.subarray(0, bytes.length >> 1));
        if (pathname === "/breaks.tar.zst") return breaking(request, bytes);
        return new Response("no", { status: 404 });
      },
    );
    try {
      const base = `http://127.0.0.1:${server.addr.port}`;
      const store = join(folder, "store");
      const missing = await toy(store, "pull", `${base}/none.tar.zst`);
      assert.equal(missing.code, 2);
      assert.match(
        missing.stderr,
        /Cannot pull from ".*none.*": .*expected status 200, found 404$/m,
      );
      const cut = await toy(store, "pull", `${base}/cut.tar.zst`);
      assert.equal(cut.code, 2, cut.stderr);
      assert.match(
        cut.stderr,
        /Cannot pull from ".*cut.tar.zst": .*what is complete is kept, pull again for the rest/,
      );
      const pulled = await toy(store, "pull", `${base}/r.tar.zst?token=1`);
      assert.equal(pulled.code, 0, pulled.stderr);
      assert.deepEqual(finalBytes(store), finalBytes(full));
      const other = join(folder, "other");
      const broken = await toy(other, "pull", `${base}/breaks.tar.zst`);
      assert.equal(broken.code, 0, broken.stderr);
      assert.match(broken.stderr, /a cut connection .*; goes on in \d+ ms from there/);
      assert.deepEqual(finalBytes(other), finalBytes(full));
      assert.ok(ranges.length === 2 && ranges.every((range) => /^bytes=[1-9]\d*-/.test(range)));
    } finally {
      await server.shutdown();
    }
  });
});

Deno.test("pull: killed at any kind of write point, pulling again ends with the same bytes", async () => {
  await inTemporaryFolder(async (folder) => {
    const full = await fullStore(folder);
    const archive = join(folder, "r.tar");
    await toy(full, "push", archive);
    const store = join(folder, "store");
    const faults = ["mid-write:9", "before-rename:4", "after-rename:7", "before-sync:8"];
    for (const fault of faults) {
      const command = toyCommand(store, ["pull", archive], { DEPT_FAULT: `runner:${fault}` });
      assert.equal((await command.output()).signal, "SIGKILL", fault);
      assert.equal((await toy(store, "verify")).code, 0, "what is there is whole");
    }
    assert.equal((await toy(store, "pull", archive)).code, 0);
    assert.deepEqual(finalBytes(store), finalBytes(full));
    assert.deepEqual(namesIn(join(store, "tmp")), []);
  });
});

Deno.test("push: killed while it writes an archive it leaves no file of that name", async () => {
  await inTemporaryFolder(async (folder) => {
    const full = await fullStore(folder);
    const archive = join(folder, "r.tar");
    const command = toyCommand(full, ["push", archive], { DEPT_FAULT: "runner:mid-write:20" });
    assert.equal((await command.output()).signal, "SIGKILL");
    assert.ok(!namesIn(folder).includes("r.tar"));
    assert.equal((await toy(full, "push", archive)).code, 0);
    assert.deepEqual(namesIn(folder).filter((name) => name.startsWith("r.")), ["r.tar"]);
  });
});

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part.slice());
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

Deno.test("pull: what is no archive, absent, empty, or of an unknown kind is refused", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    Deno.mkdirSync(join(folder, "empty"));
    for (
      const [name, message] of [
        ["no.tar", /Cannot pull from ".*no\.tar": Cannot read the archive: expected a tar file/],
        ["no.tar.zst", /Cannot pull from ".*no\.tar\.zst"/],
        ["no.zip", /expected a store, or a name that ends in \.tar or \.tar\.zst/],
        ["absent.tar", /expected a store, an archive or a URL, found nothing/],
        ["empty", /expected results, found none/],
      ] as const
    ) {
      if (name.startsWith("no.")) Deno.writeTextFileSync(join(folder, name), "x".repeat(2000));
      const { code, stderr } = await toyHere(store, ["pull", join(folder, name)]);
      assert.match(stderr, message);
      assert.equal(code, 2);
    }
  });
});

Deno.test("push: what it cannot reach or write is refused, and nothing is made", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    await finishedStore(store);
    Deno.writeTextFileSync(join(folder, "file"), "");
    const cases = [
      [
        "https://example.org/x.tar.zst",
        /expected a folder, a file or s3:\/\/; push to FILE.tar.zst and upload that/,
      ],
      ["gs://bucket/x", /push to FILE.tar.zst and upload that/],
      ["user@host:/x", /push to FILE.tar.zst and upload that/],
      ["host:x", /push to FILE.tar.zst and upload that/],
      [
        join(folder, "x.zip"),
        /expected a folder, or a file that ends in .tar or .tar.zst, found .zip/,
      ],
      [join(folder, "x.tar.gz"), /that ends in .tar or .tar.zst, found .tar.gz/],
      [join(folder, "x.tgz"), /found .tgz/],
      [
        join(folder, "no", "x.tar"),
        /Cannot write to ".*no": expected a folder, found nothing there/,
      ],
      [
        join(folder, "file", "x.tar"),
        /Cannot write to ".*file": expected a folder, found a file at/,
      ],
      [
        join(folder, "n".repeat(300) + ".tar"),
        /expected a place for a file, found a name that is too long/,
      ],
      [join(folder, "file", "store"), /expected a folder, found a file in place of a folder/],
    ] as const;
    for (const [to, message] of cases) {
      const { code, stderr } = await toyHere(store, ["push", to]);
      assert.match(stderr, message);
      assert.equal(code, 2, stderr);
    }
    const nothing = await toyHere(join(folder, "other"), ["push", join(folder, "x")]);
    assert.match(nothing.stderr, /expected results, found none/);
    assert.deepEqual(namesIn(folder), ["file", "store"]);
  });
});

Deno.test("push and pull end with code 1 when they leave out what was asked for", async () => {
  await inTemporaryFolder(async (folder) => {
    const [store, part] = [join(folder, "store"), join(folder, "part")];
    await finishedStore(store);
    await toyHere(store, ["push", part, "words"]);
    const pushed = await toyHere(part, ["push", join(folder, "x.tar"), "words", "walk/a/left"]);
    assert.match(pushed.stderr, /^Leaving out 1 that would have to run first\n$/);
    assert.equal(pushed.code, 1);
    assert.equal(
      (await toyHere(part, ["push", join(folder, "x.tar")])).code,
      0,
      "all that is there",
    );
    const digest = objectsIn(part)["words/a#words"];
    Deno.removeSync(join(part, "objects", digest.slice(0, 2), `${digest}.json`));
    const pulled = await toyHere(join(folder, "other"), ["pull", part]);
    assert.match(
      pulled.stderr,
      /^Leaving out 1 result that is not whole; mend the store with: .* verify --store .*part/,
    );
    assert.match(pulled.stdout, /^Pulled 1 results/);
    assert.equal(pulled.code, 1);
  });
});

Deno.test("readTar() gives what writeTar() was given: long and foreign names, empty files, all sizes", async () => {
  const paths = ["a", `${"d".repeat(90)}/${"e".repeat(90)}`, "x/" + "f".repeat(300), "ä/ø.txt"];
  const entries = paths.map((path, i) => ({
    path,
    data: new Uint8Array(i * 511 + (i > 2 ? 3 : 0)).fill(i),
  }));
  const archive = await bytesOf(
    writeTar(entries.map(({ path, data }) => ({
      path,
      bytes: data.length,
      content: ReadableStream.from([data]),
    }))),
  );
  assert.equal(archive.length % 512, 0);
  // In pieces that end anywhere.
  const pieces = Array.from(
    { length: Math.ceil(archive.length / 333) },
    (_, i) => archive.slice(i * 333, (i + 1) * 333),
  );
  const found: { path: string; data: Uint8Array }[] = [];
  for await (const { path, content } of readTar(ReadableStream.from(pieces))) {
    found.push({ path, data: await bytesOf(content) });
  }
  assert.deepEqual(found, entries);
});
