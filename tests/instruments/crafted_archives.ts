/**
 * Archives that were made to do harm, or by mistake: what `pull` does with each, and every command after it.
 *
 *     deno task instruments crafted-archives
 *
 * None may write outside the store, end in a stack, or leave something in the store that later breaks a command.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { shownText } from "../../base/mod.ts";
import { readTar } from "../../pipeline/tar.ts";
import { toyHere } from "../support/captured.ts";
import { filesIn, finishedStore, inTemporaryFolder, namesIn } from "../support/toy_cli.ts";
import {
  bytesOf,
  changing,
  type Crafting,
  type Entry,
  header,
  isFile,
  isListing,
  isManifest,
  joined,
  manifests,
  objects,
  pax,
  resealed,
  tarOf,
  text,
} from "./archive_crafting.ts";

/** An archive, and what is right: a message of refusal, or `taken`. */
type Crafted = readonly [name: string, make: Crafting, right: RegExp | "taken"];

const damagedListing =
  /expected the listing that object [0-9a-f]{64} is named after, found another/;
const inOrder = /expected a result's files in their order, found "/;
const notTar = /Cannot read the archive: expected a tar file, found /;
const nested = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels));

export const craftedArchives: readonly Crafted[] = [
  ["nothing", () => new Uint8Array(0), /expected more, found its end/],
  ["no entries", () => new Uint8Array(1024), /expected results, found an empty archive/],
  ["another kind of file", () => bytesOf("x".repeat(2000)), /checksum is wrong/],
  ["a format alone", (good) => tarOf(good.slice(0, 1)), /expected results, found none/],
  ["no format", (good) => tarOf(good.slice(1)), /expected a file "format" first, found another/],
  [
    "another format",
    changing(({ path }) => path === "format", ({ path }) => ({ path, bytes: bytesOf("0\n") })),
    /expected store format 1, found 0; use the version that wrote them, or have them pushed again/,
  ],
  ["an end in a header", async (good) => (await tarOf(good)).slice(0, 700), /found its end/],
  ["an end in a file", async (good) => (await tarOf(good)).slice(0, -1500), /found its end/],
  [
    "an end after a listing",
    (good) => tarOf(good.slice(0, 2)),
    /found the end: something is missing/,
  ],
  [
    "an end before a manifest",
    (good) => tarOf(good.slice(0, 3)),
    /a manifest that names object .* the end/,
  ],
  [
    "an object without its files",
    changing(isFile, () => undefined),
    /found (manifests|objects)\/.*something is missing/,
  ],
  [
    "a manifest without its objects",
    changing((it) => isFile(it) || isListing(it), () => undefined),
    /expected object [0-9a-f]{64} before "manifests\/.*", found none/,
  ],
  [
    "files before their listing",
    (good) => tarOf([good[0], ...good.filter(isFile), ...good.filter(isListing)]),
    inOrder,
  ],
  [
    "a file twice",
    changing(isFile, (entry) => [entry, entry]),
    /expected 1 files of object [0-9a-f]{64}, found more: "words.txt"/,
  ],
  ["everything twice", (good) => tarOf([...good, ...good.slice(1)]), "taken"],
  [
    "bytes after the end",
    async (good) =>
      await joined(ReadableStream.from([await tarOf(good), bytesOf("x".repeat(3000))])),
    "taken",
  ],
  ["a size below zero", header(124, "-0000000512\0"), /a size of "-0000000512" at "format"/],
  ["a size in base 256", header(124, "\x80\0\0\0\0\0\0\0\0\0\0\x05"), /a size of "/],
  [
    "a size of petabytes",
    header(124, "77777777777\0"),
    /expected at most 268.4 MB in "format", found 8.6 GB/,
  ],
  ["a size below zero of pax", pax("13 size=-512\n"), /a size of "-512"/],
  [
    "a size of pax that is no number",
    pax("16 size=Infinity\n".replace("16", "17")),
    /a size of "Infinity"/,
  ],
  ["a pax record that is longer than its header", pax("99 path=a\n"), /a broken pax record/],
  ["a pax record of no length", pax("0 path=a\n"), /a broken pax record/],
  ["a pax record without a value", pax("8 path\n".replace("8", "7")), /a broken pax record/],
  ["a pax header of megabytes", header(124, "00020000000\0", "x"), /a header of 4\.2 MB/],
  [
    "a path with a zero byte",
    pax("12 path=a\0b\n"),
    /expected a file "format" first, found another/,
  ],
  ["a link", header(157, "/etc/passwd\0", "2"), /an entry of type "2" at "format"/],
  ["a hard link", header(157, "/etc/passwd\0", "1"), /an entry of type "1" at "format"/],
  ["a device", header(329, "0000001\0", "3"), /an entry of type "3" at "format"/],
  ["a pipe", header(329, "0000000\0", "6"), /an entry of type "6" at "format"/],
  ["a header that was changed", async (good) => {
    const archive = await tarOf(good);
    archive[0] ^= 1;
    return archive;
  }, notTar],
  [
    "paths that lead out",
    changing(({ path }) => path !== "format", ({ path, bytes }) => ({ path: `../${path}`, bytes })),
    inOrder,
  ],
  [
    "paths from the root",
    changing(({ path }) => path !== "format", ({ path, bytes }) => ({ path: `/${path}`, bytes })),
    inOrder,
  ],
  [
    "a manifest with a path as its name",
    changing(isManifest, ({ bytes }) => ({ path: "manifests/../../x.json", bytes })),
    inOrder,
  ],
  [
    "a flipped bit",
    changing(isFile, ({ path, bytes }) => ({ path, bytes: bytes.with(0, bytes[0] ^ 1) })),
    /expected digest .* at byte 0 of "words.txt" .* damaged, fetch it again/,
  ],
  [
    "a listing that was changed",
    changing(
      isListing,
      ({ path, bytes }) => ({
        path,
        bytes: bytesOf(text(bytes).replace("words.txt", "../../w.txt")),
      }),
    ),
    damagedListing,
  ],
  [
    "a listing that is null",
    changing(isListing, ({ path }) => ({ path, bytes: bytesOf("null") })),
    damagedListing,
  ],
  [
    "a listing of many levels",
    changing(isListing, ({ path }) => ({ path, bytes: bytesOf("[".repeat(1e5)) })),
    damagedListing,
  ],
  [
    "a listing that is no JSON",
    changing(isListing, ({ path }) => ({ path, bytes: bytesOf("{") })),
    damagedListing,
  ],
  [
    "files that lead out",
    objects((own) => own.map(({ bytes }) => ({ path: "../../../../w.txt", bytes }))),
    damagedListing,
  ],
  [
    "files from the root",
    objects((own) => own.map(({ bytes }) => ({ path: "/tmp/dept-w.txt", bytes }))),
    damagedListing,
  ],
  [
    "a file of a name of 300 letters",
    objects((own) => own.map(({ bytes }) => ({ path: "n".repeat(300), bytes }))),
    damagedListing,
  ],
  [
    "a path that is file and folder",
    objects(([{ bytes }]) => ["a", "a/b"].map((path) => ({ path, bytes }))),
    damagedListing,
  ],
  [
    "files out of order",
    objects(([{ bytes }]) => ["b", "a"].map((path) => ({ path, bytes }))),
    damagedListing,
  ],
  ["files with more members", objects((own) => own, { more: 1 }), damagedListing],
  ["an object of no files", objects(() => []), damagedListing],
  [
    "files that are no results",
    objects((own) => own.map(({ path }) => ({ path, bytes: bytesOf("5\n") }))),
    "taken",
  ],
  [
    "files that are empty",
    objects((own) => own.map(({ path }) => ({ path, bytes: bytesOf("") }))),
    "taken",
  ],
  [
    "files of other names",
    objects((own) => own.map(({ bytes }) => ({ path: "\x1b[2J\u202e", bytes }))),
    "taken",
  ],
  [
    "a manifest that is null",
    changing(isManifest, ({ path }) => ({ path, bytes: bytesOf("null") })),
    /a manifest, found null/,
  ],
  [
    "a manifest that is no JSON",
    changing(isManifest, ({ path }) => ({ path, bytes: bytesOf("{") })),
    /a manifest, found no JSON/,
  ],
  [
    "a manifest of many levels",
    manifests({ summary: { deep: nested(3000) } }),
    /at most 100 levels, found more/,
  ],
  [
    "a manifest without outputs",
    manifests({ outputs: undefined }),
    /a map as "outputs", found none/,
  ],
  [
    "outputs that lead out",
    manifests({ outputs: { words: "../../.." } }),
    /a digest as "outputs.words", found another/,
  ],
  ["an instance that is a number", manifests({ instance: 5 }), /text as "instance", found 5/],
  ["no provenance", manifests({ provenance: undefined }), /a map as "provenance", found none/],
  [
    "modules that are null",
    manifests({ modules: { run: null } }),
    /a map as "modules.run", found null/,
  ],
  [
    "a changed summary",
    manifests({ summary: { words: 1e9 } }),
    /what digest [0-9a-f]{64} is of, found something else/,
  ],
  [
    "a changed record",
    changing(
      isManifest,
      ({ path, bytes }) => ({
        path,
        bytes: bytesOf(text(bytes).replace('"count": 50', '"count": 51')),
      }),
    ),
    /the record that its name is the digest of, found another/,
  ],
  [
    "an output of another name",
    resealed(({ outputs }) => ({
      outputs: Object.fromEntries(Object.values(outputs).map((digest) => ["\x1bother", digest])),
    })),
    "taken",
  ],
  [
    "no outputs",
    resealed(() => ({ outputs: {} })),
    /a manifest that names object [0-9a-f]{64}, found the end/,
  ],
  [
    "names that paint",
    resealed(({ provenance }) => ({
      instance: "words/\x1b]0;top\x07",
      summary: { "\x1b[2J": "\x9b31m" },
      provenance: { ...provenance, recipe: "../../\x1b[31m" },
    })),
    "taken",
  ],
  [
    "names of the language",
    resealed((it) => ({
      instance: "__proto__",
      summary: JSON.parse('{"__proto__": 1, "constructor": 2, "toString": null}'),
      provenance: { ...it.provenance, recipe: "constructor" },
    })),
    "taken",
  ],
  [
    "numbers beyond measure",
    resealed(({ provenance }) => ({
      provenance: {
        ...provenance,
        durationMs: 1e300,
        flops: 1e300,
        peakMemoryBytes: 1e300,
        bytes: 1e300,
      },
    })),
    "taken",
  ],
  [
    "other actions",
    resealed(({ record }) => ({ record: { ...record, stage: "\x1b", params: null } })),
    "taken",
  ],
];

/** Commands that must work in any store. */
const commands: readonly (readonly string[])[] = [
  ["status"],
  ["status", "--json"],
  ["why", "words/a", "walk/a/left"],
  ["log", "words/a"],
  ["table"],
  ["run", "--dry-run"],
  ["gc", "--days", "0", "--dry-run"],
  ["verify"],
  ["push", "again.tar"],
];

/** The entries of a good archive: two results, each with one object of one file. */
export async function goodEntries(folder: string): Promise<readonly Entry[]> {
  const [store, path] = [join(folder, "full"), join(folder, "good.tar")];
  await finishedStore(store);
  await toyHere(store, ["push", path, "words"]);
  const entries: Entry[] = [];
  for await (const { path: name, content } of readTar((await Deno.open(path)).readable)) {
    entries.push({ path: name, bytes: await joined(content) });
  }
  return entries;
}

/** Pulls an archive into a new store and calls every command. @throws AssertionError naming what is wrong */
export async function tryArchive(
  folder: string,
  [name, make, right]: Crafted,
  good: readonly Entry[],
): Promise<void> {
  const [place, archive] = [join(folder, "place"), join(folder, "crafted.tar")];
  Deno.mkdirSync(place);
  try {
    Deno.writeFileSync(archive, await make(good));
    const store = join(place, "store");
    const before = filesIn(folder);
    const pulled = await toyHere(store, ["pull", archive]);
    const said = `${name}: ${pulled.stdout}${pulled.stderr}`;
    assert.doesNotMatch(said, stack);
    if (right === "taken") assert.equal(pulled.code, 0, said);
    else {
      assert.match(pulled.stderr, right, name);
      assert.equal(pulled.code, 2, said);
    }
    const isOutside = (path: string) => !path.startsWith(place);
    assert.deepEqual(filesIn(folder).filter(isOutside), before.filter(isOutside), name);
    assert.deepEqual(namesIn(place), ["store"], name);
    assert.deepEqual(namesIn(join(store, "tmp")), [], name);
    // Of an archive that is refused at its first result the store has nothing.
    const isEmpty = namesIn(join(store, "manifests")).length === 0;
    for (const [command, ...args] of isEmpty ? [["status"], ["gc"]] : commands) {
      const paths = args.map((arg) => arg.endsWith(".tar") ? join(place, arg) : arg);
      const { code, stdout, stderr } = await toyHere(store, [command, ...paths]);
      const said = `${name}: ${command}, code ${code}: ${stdout}${stderr}`;
      assert.ok([0, 1, 2, 3].includes(code), said);
      assert.doesNotMatch(said, stack);
      assert.equal(said, shownText(said), "control characters are escaped");
      assert.ok(code !== 1 || stdout + stderr !== "", `${said}: a failure says why`);
    }
    assert.equal((await toyHere(store, ["verify"])).code, 0, `${name}: the store is whole`);
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
}

/** A line of a stack, and words of the language in place of a sentence. */
const stack =
  /^ +at .*:\d+:\d+\)?$|Cannot read properties|Cannot destructure|is not a function|is not iterable|Cannot convert/m;

export async function main(): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const good = await goodEntries(folder);
    for (const crafted of craftedArchives) {
      await tryArchive(folder, crafted, good);
      console.log(`${crafted[0]}: ${crafted[2] === "taken" ? "taken" : "refused"}`);
    }
    console.log(`${craftedArchives.length} crafted archives: as they should be`);
  });
}
