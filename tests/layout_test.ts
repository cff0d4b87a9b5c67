/**
 * Who imports whom: the table "Rooms" of the house style, checked on every import of every module.
 */
import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { codeOf, type Edge, edgesFrom, isAssembly, modulesUnder } from "./support/imports.ts";
import { projectRoot } from "./support/paths.ts";

interface Room {
  /** Rooms that it may import, through their `mod.ts`. */
  readonly imports: readonly string[] | "all";
  /** Single modules that it may import besides. */
  readonly alsoModules?: readonly RegExp[];
  /** Modules of other rooms of which it may import what they export, directly or through a `mod.ts`. */
  readonly interfaces?: readonly string[];
  readonly mayUsePackages?: false;
}

const base = "base";

const rooms: Readonly<Record<string, Room>> = {
  "base": { imports: [], mayUsePackages: false },
  "pipeline": { imports: [base] },
  "datasets": { imports: [base] },
  "tokenizers": { imports: [base] },
  "model": { imports: [base] },
  "engine": { imports: [base, "model"] },
  "exchange": { imports: [base] },
  "training": {
    imports: [base, "datasets", "model", "engine"],
    interfaces: ["tokenizers/tokenizer.ts", "exchange/exchange.ts"],
  },
  "stages": { imports: "all", alsoModules: [/^pipeline\/stage\.ts$/] },
  "commands": { imports: "all", alsoModules: [/^pipeline\//] },
  "bench": { imports: "all", alsoModules: [/./] },
};

Deno.test("layout: rooms import only what the house style lets them", () => {
  const offending = allEdges().flatMap((edge) => {
    const why = offence(edge);
    return why === undefined ? [] : [`${edge.from} → ${edge.to}: ${why}`];
  });
  assert.deepEqual(offending, []);
});

Deno.test("layout: the check finds an edge that breaks the table", () => {
  const found = (from: string, to: string, ...names: string[]) =>
    offence({ from, to, names }) !== undefined;
  assert.ok(found("datasets/a.ts", "model/mod.ts"));
  assert.ok(found("engine/a.ts", "model/operator.ts"));
  assert.ok(found("training/a.ts", "pipeline/stage.ts", "defineStage"));
  assert.ok(found("training/a.ts", "tokenizers/mod.ts", "Tokenizer", "trainUnigram"));
  assert.ok(!found("training/a.ts", "tokenizers/mod.ts", "Tokenizer"));
  assert.ok(found("pipeline/plan.ts", "stages/mod.ts"));
  assert.ok(found("pipeline/scheduler.ts", "commands/run.ts"));
  assert.ok(found("base/a.ts", "zod"));
  assert.ok(!found("stages/a.ts", "pipeline/stage.ts"));
  assert.ok(found("engine/onnxruntime/a.ts", "engine/onnxruntime/assembly/b.ts"));
  assert.ok(found("engine/onnxruntime/assembly/a.ts", "engine/onnxruntime/b.ts"));
  assert.ok(!found("engine/onnxruntime/assembly/a.ts", "engine/onnxruntime/assembly/b.ts"));
  assert.ok(!found("commands/main.ts", "pipeline/scheduler.ts"));
});

Deno.test("layout: tests import nothing of bench/, except the tests of bench/ itself", () => {
  const edges = modulesUnder("tests").flatMap(edgesFrom);
  const offending = edges.filter(({ from, to }) =>
    to.startsWith("bench/") && !from.startsWith("tests/bench/")
  );
  assert.deepEqual(offending, []);
});

Deno.test("layout: no circle of imports between files", () => {
  assert.deepEqual(filesInCircles(allEdges()), []);
  const edge = (from: string, to: string) => ({ from, to });
  const circle = [edge("a.ts", "b.ts"), edge("b.ts", "c.ts"), edge("c.ts", "b.ts")];
  assert.deepEqual(filesInCircles([...circle, edge("c.ts", "d.ts")]), ["b.ts", "c.ts"]);
});

Deno.test("layout: pipeline/ names no other room, not even in a string", () => {
  const others = Object.keys(rooms).filter((room) => room !== "pipeline" && room !== base);
  const path = new RegExp(`["'\`/](?:${others.join("|")})/`);
  const naming = modulesUnder("pipeline").filter((module) => path.test(codeOf(module)));
  assert.deepEqual(naming, []);
  assert.match('const threadCode = ["../tokenizers/"];', path);
});

Deno.test("layout: no file begins with _, none has more than 400 lines", () => {
  const modules = [...Object.keys(rooms), "tests"].flatMap(modulesUnder);
  assert.deepEqual(modules.filter((module) => basename(module).startsWith("_")), []);
  const lines = (module: string) =>
    Deno.readTextFileSync(join(projectRoot, module)).split("\n").length - 1;
  assert.deepEqual(modules.filter((module) => lines(module) > 400), []);
});

Deno.test("layout: a type is forced (as unknown as) in at most 8 places outside tests", () => {
  const forced = Object.keys(rooms).flatMap(modulesUnder).flatMap((module) =>
    codeOf(module).split("as unknown as").slice(1).map(() => module)
  );
  assert.ok(forced.length <= 8, forced.join("\n"));
});

Deno.test("layout: commands print by screen.ts, which shows control characters as escapes", () => {
  const isSpeaking = (module: string) => /\bconsole\./.test(codeOf(module));
  // The probe is a process apart, whose reader is the command.
  assert.deepEqual(modulesUnder("commands").filter(isSpeaking), ["commands/engine_probe.ts"]);
});

/** Files that reach themselves by imports, sorted. */
function filesInCircles(edges: readonly Edge[]): string[] {
  const imports = new Map<string, Set<string>>();
  for (const { from, to } of edges) {
    if (!imports.has(from)) imports.set(from, new Set());
    imports.get(from)!.add(to);
  }
  return [...imports.keys()].filter((file) => {
    const reached = new Set(imports.get(file));
    for (const next of reached) imports.get(next)?.forEach((to) => reached.add(to)); // grows
    return reached.has(file);
  }).sort();
}

/** Why an import is not allowed; undefined when it is. */
function offence({ from, to, names }: Edge): string | undefined {
  const room = roomOf(from)!;
  const { imports, alsoModules = [], interfaces = [], mayUsePackages } = rooms[room];
  if ((isAssembly(from) || isAssembly(to)) && dirname(from) !== dirname(to)) {
    return "assembly/ is AssemblyScript, a program of its own";
  }
  if (!to.endsWith(".ts")) {
    const isPackage = !to.startsWith("node:") && !to.endsWith(".json");
    return isPackage && mayUsePackages === false ? `${room} uses no packages` : undefined;
  }
  const target = roomOf(to);
  if (target === room) return undefined;
  const isShared = /^tests\/(support|instruments)\//.test(to); // peers, test texts, the crash harness
  if (room === "bench" && isShared) return undefined;
  if (target === undefined) return `it is in no room`;
  if (alsoModules.some((pattern) => pattern.test(to))) return undefined;
  const ofInterface = interfaces.find((module) => roomOf(module) === target);
  if (ofInterface !== undefined) {
    const offered = exportsOf(ofInterface);
    const others = names?.filter((name) => !offered.has(name)) ?? ["everything"];
    return others.length === 0 ? undefined : `${others.join(", ")} is not of ${ofInterface}`;
  }
  if (imports !== "all" && !imports.includes(target)) {
    return `${room} may import ${[...imports, ...interfaces].join(", ") || "nothing"}`;
  }
  return basename(to) === "mod.ts" ? undefined : `${target} is imported through a mod.ts`;
}

function roomOf(path: string): string | undefined {
  return Object.keys(rooms).find((room) => path.startsWith(`${room}/`));
}

/** The names that a module declares and exports. */
function exportsOf(module: string): ReadonlySet<string> {
  const code = Deno.readTextFileSync(join(projectRoot, module));
  const declared = code.matchAll(/^export (?:const|function|interface|type|class) (\w+)/gm);
  return new Set([...declared].map(([, name]) => name));
}

function allEdges(): Edge[] {
  const folders = new Set(Object.keys(rooms).map((room) => room.split("/")[0]));
  return [...folders].sort().flatMap((folder) => modulesUnder(folder)).flatMap(edgesFrom);
}
