import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sha256 } from "../../base/mod.ts";
import { digestParts } from "../../pipeline/bundle_parts.ts";
import { CodeDigests } from "../../pipeline/code_digest.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

/** A small project: a stage, a room with a barrel of two readers, and a package. */
const project: Readonly<Record<string, string>> = {
  "deno.json": JSON.stringify({ imports: { zod: "npm:zod@4.6.7", yaml: "npm:yaml@2.9.1" } }),
  "deno.lock": JSON.stringify({
    version: "5",
    specifiers: { "npm:zod@4.6.7": "4.6.7", "npm:yaml@2.9.1": "2.9.1" },
    npm: {
      "zod@4.6.7": { integrity: "sha512-z", dependencies: ["deep"] },
      "deep@1.0.0": { integrity: "sha512-d" },
      "yaml@2.9.1": { integrity: "sha512-y" },
    },
  }),
  "stage.ts": `import { z } from "zod";
import { readJsonl, type Row } from "./room/mod.ts";
export const stage = { name: "stage", module: import.meta.url, instances: () => [["a"]] };
export async function run(): Promise<Row[]> { return z.array(z.any()).parse(await readJsonl()); }
`,
  "room/mod.ts": `export { readJsonl, type Row } from "./jsonl.ts";
export { readParquet } from "./parquet.ts";
`,
  "room/jsonl.ts": `export interface Row { readonly text: string }
const limit = 10;
/** Reads. */
export function readJsonl(): Promise<Row[]> { return Promise.resolve([{ text: "x".repeat(limit) }]); }
`,
  "room/parquet.ts": `import { parse } from "yaml";
export function readParquet() { return parse("[]"); }
`,
};

type Change = readonly [file: string, from: string, to: string];

/** Digest and packages of the stage's `run` before and after changes. */
async function digests(...changes: Change[]) {
  const result: Awaited<ReturnType<typeof digestOf>>[] = [];
  await inTemporaryFolder(async (root) => {
    write(root, project);
    for (const change of [undefined, ...changes]) {
      if (change !== undefined) {
        const [file, from, to] = change;
        const text = Deno.readTextFileSync(join(root, file));
        assert.ok(text.includes(from), `"${from}" is not in ${file}`);
        Deno.writeTextFileSync(join(root, file), text.replace(from, to));
      }
      result.push(await digestOf(root));
    }
  });
  return result;
}

function write(root: string, files: Readonly<Record<string, string>>): void {
  Deno.mkdirSync(join(root, "room"));
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(join(root, name), text);
}

async function digestOf(root: string, cachePath?: string) {
  const files = new FileDigests(cachePath && `${cachePath}-files`);
  const code = new CodeDigests(root, files, cachePath);
  const entry = { module: pathToFileURL(join(root, "stage.ts")).href, exports: "run" } as const;
  await code.prepare([entry]);
  files.save();
  code.save();
  const { digest, packages, path, modules } = code.of(entry);
  assert.equal(path, "stage.ts");
  return { digest, modules, packages: code.packages.closure(packages) };
}

const harmless: Readonly<Record<string, Change>> = {
  "a comment in a deep module": ["room/jsonl.ts", "/** Reads. */", "/** Reads rows. */ // at once"],
  "formatting": ["room/jsonl.ts", "const limit = 10;", "const   limit =\n  10;"],
  "a type": ["room/jsonl.ts", "text: string", "text: string; id?: number"],
  "code that the stage does not reach": ["room/parquet.ts", '"[]"', '"[1]"'],
  "a new reader beside": [
    "room/mod.ts",
    'export { readParquet } from "./parquet.ts";',
    'export { readParquet, readParquet as readText } from "./parquet.ts";',
  ],
  "the declaration of the stage": ["stage.ts", '[["a"]]', '[["a"], ["b"]]'],
  "the version of a package that it does not use": ["deno.lock", "sha512-y", "sha512-other"],
};

for (const [what, change] of Object.entries(harmless)) {
  Deno.test(`CodeDigests: ${what} changes nothing`, async () => {
    const [before, after] = await digests(change);
    assert.deepEqual(after, before);
  });
}

Deno.test("CodeDigests: a changed constant deep down changes the digest, and back again", async () => {
  const [before, after, again] = await digests(
    ["room/jsonl.ts", "limit = 10", "limit = 11"],
    ["room/jsonl.ts", "limit = 11", "limit = 10"],
  );
  assert.notEqual(after.digest, before.digest);
  assert.deepEqual(again, before);
  // What the bundle holds of each module tells which one it was; what is not in it is not there.
  assert.deepEqual(Object.keys(before.modules), ["room/jsonl.ts", "stage.ts"]);
  assert.equal(after.modules["stage.ts"], before.modules["stage.ts"]);
  assert.notEqual(after.modules["room/jsonl.ts"], before.modules["room/jsonl.ts"]);
});

Deno.test("digestParts() gives each source its text of the bundle, over lines and columns", () => {
  // Bundle: "aabb" of sources a and b, then a line "cc" of c. Segments: [column, source, line, column] as steps, in VLQ.
  const map = { sources: ["a", "b", "c"], mappings: "AAAA,ECAA;ACAA" };
  const digest = (text: string) => sha256(text).slice(0, 16);
  assert.deepEqual(digestParts("aabb\ncc\n", map), {
    a: digest("aa"),
    b: digest("bb"),
    c: digest("cc"),
  });
});

Deno.test("CodeDigests: packages are those that are left in the bundle, with what they need", async () => {
  const [{ packages }] = await digests();
  assert.deepEqual(packages, { deep: "1.0.0 sha512-d", zod: "4.6.7 sha512-z" });
});

Deno.test("CodeDigests: prepare() looks once at files of a stale digest, however many instances have it", async () => {
  await inTemporaryFolder(async (root) => {
    write(root, project);
    await digestOf(root, join(root, "cache"));
    Deno.writeTextFileSync(
      join(root, "room/jsonl.ts"),
      project["room/jsonl.ts"].replace("10", "11"),
    );
    let looks = 0;
    class CountedFiles extends FileDigests {
      override digest(path: string): string {
        looks++;
        return super.digest(path);
      }
    }
    const looksFor = async (instances: number) => {
      looks = 0;
      const code = new CodeDigests(root, new CountedFiles(undefined), join(root, "cache"));
      const entry = { module: pathToFileURL(join(root, "stage.ts")).href, exports: "run" } as const;
      await code.prepare(Array.from({ length: instances }, () => entry));
      return looks;
    };
    const one = await looksFor(1);
    assert.ok(one > 0);
    assert.equal(await looksFor(100), one);
  });
});

Deno.test("CodeDigests: a cache, kept, damaged or of older files, never changes the answer", async () => {
  await inTemporaryFolder(async (root) => {
    write(root, project);
    const cache = join(root, "cache");
    const first = await digestOf(root, cache);
    assert.deepEqual(await digestOf(root, cache), first);
    // Same size, within the clock's tick: only the content tells.
    const path = join(root, "room/jsonl.ts");
    Deno.writeTextFileSync(path, project["room/jsonl.ts"].replace("10", "12"));
    const second = await digestOf(root, cache);
    assert.notEqual(second.digest, first.digest);
    Deno.writeTextFileSync(
      cache,
      Deno.readTextFileSync(cache).replace(second.digest, first.digest),
    );
    assert.deepEqual(await digestOf(root, cache), second);
    Deno.writeTextFileSync(cache, "");
    assert.deepEqual(await digestOf(root, cache), second);
  });
});

Deno.test("CodeDigests: a module that does not parse is named with its place", async () => {
  await assert.rejects(
    digests(["room/jsonl.ts", "limit = 10", "limit = ="]),
    /room\/jsonl\.ts:2:14/,
  );
});

/** A stage that imports a room as a whole, one when it needs it, and starts threads, of which one starts the other. */
const loading: Readonly<Record<string, string>> = {
  "deno.json": "{}",
  "deno.lock": "{}",
  "stage.ts": `import * as lines from "./room/lines.ts";
import double from "./room/double.ts";
export async function run() {
  const { late } = await import("./room/late.ts");
  const thread = new Worker(new URL("./room/thread.ts", import.meta.url), { type: "module" });
  return [lines, double(2), late, thread, Deno.readTextFileSync(new URL("./room/table.csv", import.meta.url))];
}
`,
  "room/lines.ts": "export const length = 80;\nexport const gap = 2;\n",
  "room/double.ts": "export default function (x: number) { return 2 * x; }\n",
  "room/late.ts": "export const late = true;\n",
  "room/thread.ts": `import { other, work } from "./work.ts";
self.onmessage = () => self.postMessage([other, work]);
`,
  "room/work.ts": `export const work = 7;
export const other = new Worker(import.meta.resolve("./thread.ts"), { type: "module" });
`,
  "room/table.csv": "a,b\n",
};

async function digestOfLoading(files: Readonly<Record<string, string>>) {
  let result: Awaited<ReturnType<typeof digestOf>> | undefined;
  await inTemporaryFolder(async (root) => {
    write(root, files);
    result = await digestOf(root);
  });
  return result!;
}

Deno.test("CodeDigests: what is imported late, started as a thread or read beside the code counts", async () => {
  const before = await digestOfLoading(loading);
  const edits: readonly (readonly [path: string, text: string])[] = [
    ["room/late.ts", "export const late = false;\n"],
    ["room/thread.ts", loading["room/thread.ts"].replace("[other, work]", "[work, other]")],
    ["room/work.ts", loading["room/work.ts"].replace("7", "8")],
    ["room/table.csv", "a,b,c\n"],
  ];
  for (const [path, text] of edits) {
    const after = await digestOfLoading({ ...loading, [path]: text });
    assert.notEqual(after.digest, before.digest, path);
    assert.notEqual(after.modules[path], before.modules[path]);
  }
  const remarked = await digestOfLoading({
    ...loading,
    "room/work.ts": `// A remark.\n${loading["room/work.ts"]}`,
  });
  assert.equal(remarked.digest, before.digest);
});

Deno.test("CodeDigests: no name of a file is in the digest", async () => {
  const moved = Object.entries(loading).map(([path, text]) =>
    [
      path.replace(/room\/(\w+)/, "room/moved_$1"),
      text.replaceAll(/"\.\/(room\/)?(\w+\.\w+)"/g, '"./$1moved_$2"'),
    ] as const
  );
  const { digest, modules } = await digestOfLoading(Object.fromEntries(moved));
  assert.equal(digest, (await digestOfLoading(loading)).digest);
  assert.ok("room/moved_thread.ts" in modules);
});

Deno.test("CodeDigests: code that asks where it lies, or starts a module that no text names, is refused", async () => {
  const asking = [
    'export const run = () => import.meta.resolve(`./${"a"}.ts`);',
    "export const run = (name: string) => new URL(name, import.meta.url);",
    "export const run = () => import.meta.dirname;",
  ];
  for (const code of asking) {
    await assert.rejects(
      digestOfLoading({ ...loading, "stage.ts": code }),
      /Cannot bundle "stage\.ts": expected modules at literal addresses/,
    );
  }
});
