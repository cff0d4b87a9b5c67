import assert from "node:assert/strict";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CodeDigests } from "../../pipeline/code_digest.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { type InstanceCode, Programs } from "../../pipeline/program.ts";
import { MadePrograms, programsFolder } from "../../pipeline/made_programs.ts";
import { type Program, programFolder } from "../../pipeline/program_folder.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

/** A stage with a module that it uses, a thread, a file beside the code, and code that nothing reaches. */
const project: Readonly<Record<string, string>> = {
  "deno.json": '{"imports": {}}',
  "stage.ts": `import { twice } from "./room/mod.ts";
export const stage = { module: import.meta.url, planned: "only while planning" };
export function run() {
  const thread = new Worker(new URL("./room/thread.ts", import.meta.url), { type: "module" });
  const { late } = await import("./room/late.ts");
  return [twice(2), thread, late, Deno.readTextFileSync(new URL("./room/table.csv", import.meta.url))];
}
`.replace("function run", "async function run"),
  "used.ts":
    `import { twice } from "./room/mod.ts";\nexport const four = (): number => twice(2);\n`,
  "room/mod.ts": `export { twice } from "./twice.ts";\nexport { never } from "./never.ts";\n`,
  "room/twice.ts": "export const twice = (x: number): number => x * 2;\n",
  "room/never.ts": 'export const never = (): string => "no stage asks";\n',
  "room/late.ts": 'export const late = "loaded late";\n',
  "room/thread.ts": 'self.postMessage("from the thread");\n',
  "room/table.csv": "a,b\n",
};

/** Calls with the project in a folder and its code as it was planned. */
async function withProject(
  use: (root: string, code: InstanceCode, programs: Programs) => Promise<void>,
  changed: Readonly<Record<string, string>> = {},
): Promise<void> {
  await inTemporaryFolder(async (root) => {
    for (const [name, text] of Object.entries({ ...project, ...changed })) {
      Deno.mkdirSync(dirname(join(root, name)), { recursive: true });
      Deno.writeTextFileSync(join(root, name), text);
    }
    const url = (name: string) => pathToFileURL(join(root, name)).href;
    const entries = [
      { module: url("stage.ts"), exports: "run" },
      { module: url("used.ts"), exports: "all" },
    ] as const;
    const code = new CodeDigests(root, new FileDigests(undefined), undefined);
    await code.prepare(entries);
    const programs = new Programs(root, code);
    try {
      const digests = entries.map((entry) => code.of(entry));
      await use(
        root,
        { module: url("stage.ts"), uses: { rule: url("used.ts") }, hintModules: {}, digests },
        programs,
      );
    } finally {
      await programs.close();
    }
  });
}

const textOf = ({ files }: Program): string =>
  [...files].filter(([name]) => name.endsWith(".js")).map(([, bytes]) => decoded(bytes)).join("\n");

const decoded = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

Deno.test("Programs: a program has what the stage reaches, and nothing else", async () => {
  await withProject(async (_, code, programs) => {
    const program = await programs.of(code);
    for (const text of ["x*2", "loaded late", "from the thread"]) {
      assert.ok(textOf(program).includes(text), text);
    }
    assert.ok(!/no stage asks|only while planning/.test(textOf(program)));
    assert.deepEqual(program.modules, { rule: "used.js" });
    const others = [
      "main.js",
      "used.js",
      "room.thread.js",
      "room.table.csv",
      "deno.json",
      "deno.lock",
    ];
    assert.deepEqual(others.filter((name) => !program.files.has(name)), []);
    assert.deepEqual(program.files.get("room.table.csv"), new TextEncoder().encode("a,b\n"));
  });
});

Deno.test("Programs: a module that no key is of has a file of its own, which is not loaded before it is asked for", async () => {
  await withProject(async (root, code, programs) => {
    const hintModules = { way: pathToFileURL(join(root, "room/never.ts")).href };
    const program = await programs.of({ ...code, hintModules });
    assert.deepEqual(program.modules, { rule: "used.js", way: "room.never.js" });
    assert.ok(textOf(program).includes("no stage asks"));
    assert.ok(!decoded(program.files.get("main.js")!).includes("room.never"));
    assert.deepEqual((await programs.of(code)).modules, { rule: "used.js" });
  });
});

Deno.test("Programs: an edit after the plan changes no program, also one that is made later", async () => {
  await withProject(async (root, code, programs) => {
    const before = await programs.of(code);
    for (const name of Object.keys(project)) Deno.writeTextFileSync(join(root, name), "edited");
    const later = await programs.of({ ...code, uses: {} });
    assert.ok(textOf(before).includes("x*2") && textOf(later).includes("x*2"));
    assert.ok(!textOf(later).includes("edited"));
    assert.equal(decoded(later.files.get("deno.json")!), project["deno.json"]);
  });
});

Deno.test("Programs: code that is no longer what the key is of is refused, with its file", async () => {
  const changes: Readonly<Record<string, (path: string) => void>> = {
    "[0-9a-f]{64}": (path) =>
      Deno.writeTextFileSync(path, project["room/twice.ts"].replace("2", "3")),
    "no file": (path) => Deno.removeSync(path),
  };
  for (const [found, change] of Object.entries(changes)) {
    await withProject(async (root, { digests, ...code }, planned) => {
      change(join(root, "room/twice.ts"));
      // As after a plan whose digests were known without reading.
      const programs = new Programs(
        root,
        new CodeDigests(root, new FileDigests(undefined), undefined),
      );
      await assert.rejects(
        async () => await programs.of({ ...code, digests }),
        new RegExp(`expected digest [0-9a-f]{64} of "room/twice.ts", found ${found}; run again`),
      );
      await planned.of({ ...code, digests });
    });
  }
});

Deno.test("Programs: what another process has made is taken as long as its code and its files are the same", async () => {
  await withProject(async (root, code, planned) => {
    const cache = join(root, "cache");
    Deno.mkdirSync(cache);
    const planOf = () => new CodeDigests(root, new FileDigests(undefined), undefined);
    /** As another process finds it. */
    const found = () =>
      new MadePrograms(cache).find(JSON.stringify([code.module, code.uses, {}]), planOf());
    const made = async () => {
      const programs = new Programs(root, planOf(), () => new MadePrograms(cache));
      const program = await programs.of(code);
      await programs.close();
      return program;
    };
    const program = await planned.of(code);
    assert.deepEqual(await made(), program);
    assert.equal(found(), undefined); // its files were not kept
    const folder = programFolder(program, programsFolder(cache), join(root, "own"));
    assert.deepEqual(found(), program);
    assert.deepEqual(await made(), program);
    for (const path of ["deno.json", "room/never.ts", join(folder, "main.js")]) {
      const file = resolve(root, path);
      const before = Deno.readTextFileSync(file);
      Deno.writeTextFileSync(file, `${before}\n`);
      assert.equal(found(), undefined, path);
      Deno.writeTextFileSync(file, before);
      assert.deepEqual(found(), program);
    }
    Deno.removeSync(join(root, "room/never.ts"));
    assert.equal(found(), undefined);
  });
});

Deno.test("Programs: a package of many small files is inside if it is the very version that is locked; others are imported by name", async () => {
  const [config, lock] = ["deno.json", "deno.lock"].map((name) =>
    Deno.readTextFileSync(join(projectRoot, name))
  );
  const other = (text: string) =>
    text.replaceAll("apache-arrow@21.2.0", "apache-arrow@21.2.1")
      .replace('"npm:apache-arrow@21.2.1": "21.2.0"', '"npm:apache-arrow@21.2.1": "21.2.1"');
  const used = `import { Utf8 } from "apache-arrow";
import { parse } from "yaml";
export const four = (): unknown => [new Utf8(), parse("4")];
`;
  const importsOf = async (files: Readonly<Record<string, string>>) => {
    let found: string[] = [];
    await withProject(async (_, code, programs) => {
      const text = textOf(await programs.of(code));
      found = [...text.matchAll(/from"([^".][^"]*)"/g)].map(([, name]) => name)
        .filter((name) => !name.startsWith("node:"));
      assert.equal(/\bUtf8\w*=class\b/.test(text), !found.includes("apache-arrow"));
      assert.deepEqual([...code.digests].at(-1)!.packages, ["apache-arrow", "yaml"]);
    }, { ...files, "used.ts": used });
    return found.sort();
  };
  assert.deepEqual(await importsOf({ "deno.json": config, "deno.lock": lock }), ["yaml"]);
  const changed = { "deno.json": other(config), "deno.lock": other(lock) };
  assert.deepEqual(await importsOf(changed), ["apache-arrow", "yaml"]);
});
