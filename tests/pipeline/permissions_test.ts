import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { permissionsOf } from "../../pipeline/permissions.ts";
import type { ChildRequest } from "../../pipeline/protocol.ts";
import { stages } from "../../stages/mod.ts";
import { audits, undeclared } from "../support/audits.ts";
import { pipeline, pipelineCommand, tinyRecipe } from "../support/command_line.ts";
import { eventsOf, inTemporaryFolder, toy, toyCommand } from "../support/toy_cli.ts";

Deno.test("permissions: no stage accesses what its declaration does not name", async () => {
  await inTemporaryFolder(async (folder) => {
    const audit = join(folder, "audit");
    Deno.mkdirSync(audit);
    const args = [
      ...["run", "all", "report/recipe", "--recipe", tinyRecipe, "--store", join(folder, "store")],
      // One instance of each stage is enough. Tuning and figures are off unless asked for.
      ...["--set", "pretrain.variants=[glob,trim,spec]"],
      ...["--set", "continue.starts=[random,stitched]"],
      ...["--set", "sources.p1={part: 1}", "--set", "sources.p2={part: 2}"],
      ...["--set", "outOfDistribution=[arithmetic,code]"],
      ...["--set", "tune.variants=[trim]", "--set", "figures=[stability,method]"],
      ...["--set", "bound={batches: 2, smoothnessSteps: 2}"],
      ...["--set", "pretrain.monitors.everySteps=2"], // what the figure draws
    ];
    const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
    const { code, stderr } = await pipelineCommand(args, root, { DEPT_AUDIT: audit }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const found = audits(audit);
    const seen = new Set([...found.keys()].map((instance) => instance.split("/")[0]));
    const native = new Set([
      "pretrain",
      "gradients",
      "tune",
      "continue",
      "evaluate",
      "route",
      "finetune",
    ]);
    for (const [instance, it] of found) {
      assert.deepEqual(undeclared(it), [], instance);
      const inputs = Object.values(it.request.inputs);
      const isRead = (input: string) => it.accesses.some(({ value }) => value?.startsWith(input));
      assert.ok(inputs.every(isRead), `${instance}: every declared input is read`);
      const isNative = it.accesses.some(({ permission }) => permission === "ffi");
      assert.equal(isNative, native.has(instance.split("/")[0]), `${instance}: native code`);
    }
    // A model of others has to be imported first, and parties of a run need one another: `tests/user/external_test.ts` and
    // `tests/user/serve_test.ts` run their stages.
    const elsewhere = ["external", "participate", "federate"];
    const missing = stages.map(({ name }) => name)
      .filter((name) => !seen.has(name) && !elsewhere.includes(name));
    assert.deepEqual(missing, [], "the recipe has an instance of every stage");
  });
});

Deno.test("permissions: documents are read from files in a process that may read nothing else", async () => {
  await inTemporaryFolder(async (folder) => {
    const rows = new TextEncoder().encode('{"text": "a b"}\n{"text": "c"}\n');
    for (const source of ["one", "two"]) {
      Deno.mkdirSync(join(folder, "data", source), { recursive: true });
      Deno.writeFileSync(join(folder, "data", source, "train.jsonl"), rows);
      for (const split of ["validation", "test"]) {
        Deno.writeFileSync(join(folder, "data", source, `${split}.jsonl.gz`), gzipSync(rows));
      }
    }
    const result = await pipeline([
      ...["run", "documents", "--recipe", tinyRecipe, "--store", join(folder, "store")],
      ...["--set", "sources=null", "--set", `data=${join(folder, "data")}`],
    ]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /documents\/one\/validation .* documents=2/);
  });
});

/** A process for each instance, or one that has run another before. */
const processes = {
  "a process of its own": { source: "a", env: (folder: string) => ({ DEPT_AUDIT: folder }) },
  "a process that has run another": { source: "b", env: () => ({}) },
};

const peek = (kind: string) => ["run", "walk/a/left", "--set", `fault={source: a, kind: ${kind}}`];

/** What is said of each attempt of `trespass`. */
const refusals: Readonly<Record<string, string>> = {
  read: "Requires read access",
  "read by fetch": "Requires read access",
  write: "Requires write access",
  link: "Requires read access",
  remove: "Requires write access",
  run: "Requires run access",
  "kill the runner": "Requires run access",
  connect: "Requires net access",
  fetch: "Requires net access",
  listen: "Requires net access",
  "load a library": "Requires ffi access",
  "import a file": "Requires read access",
  "import from elsewhere": "Requires import access|but --no-remote is specified",
  "start a thread of other code": "Requires read access",
  environment: "Requires env access",
  system: "Requires sys access",
};

/** The same of what another instance was given. */
const refusalsAfter: Readonly<Record<string, string>> = {
  "read an input of another": "Requires read access",
  "read checkpoints of another": "Requires read access",
  "write for another": "Requires write access",
};

for (const [kind, { source, env }] of Object.entries(processes)) {
  Deno.test(`permissions: a confined stage fails at whatever it has not declared, in ${kind}`, async (t) => {
    await inTemporaryFolder(async (folder) => {
      const args = ["walk/a/left", "walk/b/left", "--jobs", "1", "--json"];
      const fault = ["--set", `fault={source: ${source}, kind: trespass}`];
      const command = toyCommand(join(folder, "store"), ["run", ...args, ...fault], env(folder));
      const { code, stdout } = await command.output();
      assert.equal(code, 1);
      const events = eventsOf({ stdout: new TextDecoder().decode(stdout) });
      const pids = events.filter((event) =>
        event.type === "started" && /^walk/.test(event.instance)
      )
        .map((event) => event.type === "started" && event.pid);
      const [failed] = events.filter((event) => event.type === "failed");
      const found: Record<string, string> = JSON.parse(/\{.*\}/.exec(failed.message)![0]);
      const expected = { ...refusals, ...(source === "b" ? refusalsAfter : {}) };
      assert.deepEqual(Object.keys(found), Object.keys(expected));
      if (source === "b") assert.equal(pids[0], pids[1]);
      for (const [way, refusal] of Object.entries(expected)) {
        await t.step(way, () => assert.match(found[way], new RegExp(refusal)));
      }
    });
  });
}

Deno.test("permissions: an undeclared input of native code is in the record of its accesses", async () => {
  await inTemporaryFolder(async (folder) => {
    const [store, audit] = [join(folder, "store"), join(folder, "audit")];
    Deno.mkdirSync(audit);
    const command = toyCommand(store, peek("native-peek"), { DEPT_AUDIT: audit });
    assert.equal((await command.output()).code, 0);
    const found = undeclared(audits(audit).get("walk/a/left")!);
    assert.ok(
      found.length > 0 && found.every((access) => /^(read|write) .*deno\.json$/.test(access)),
    );
  });
});

Deno.test("permissions: a path with a comma is read all the same", async () => {
  await inTemporaryFolder(async (folder) => {
    const data = join(folder, "one, two");
    Deno.mkdirSync(data);
    Deno.writeTextFileSync(join(data, "a.txt"), "x y");
    const set = ["--set", `data="${data}"`, "--set", "sources=[a]"];
    const { code, stderr } = await toy(join(folder, "st,ore"), "run", ...set);
    assert.equal(code, 0, stderr);
  });
});

Deno.test("permissionsOf() gives leave to the very paths of a request, with commas too, and to none above them", () => {
  const at = (name: string) => `/a,b/store/${name}`;
  const request: ChildRequest = {
    runner: 1,
    lock: at("children"),
    instance: "walk/a",
    record: { format: 1, stage: "walk", code: {}, packages: {}, params: {}, inputs: {} },
    hints: {},
    inputs: { words: at("words") },
    files: { text: "/data, mine/a.txt" },
    outputs: { walk: at("walk") },
    checkpointFolder: at("checkpoint"),
    modules: {},
    program: at("program"),
    scratch: at("scratch"),
    store: "/a,b/store",
  };
  const write = ["walk", "checkpoint", "scratch", "children"].map(at);
  assert.deepEqual(permissionsOf(request), {
    read: [at("words"), "/data, mine/a.txt", at("program"), ...write],
    write,
    env: ["TMPDIR"],
    net: false,
    import: false,
    run: false,
    ffi: false,
    sys: false,
  });
});
