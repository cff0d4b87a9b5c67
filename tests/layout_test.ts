/**
 * Who imports whom: the table "Rooms" of the house style, checked on every import of every module.
 */
import assert from "node:assert/strict";
import { basename, dirname, join, relative } from "node:path";
import { projectRoot } from "./support/paths.ts";

interface Room {
  /** Rooms that it may import, through their `mod.ts`. */
  readonly imports: readonly string[] | "all";
  /** Single modules that it may import besides. */
  readonly alsoModules?: readonly RegExp[];
  /** Rooms of which it may import types. */
  readonly types?: readonly string[];
  readonly mayUsePackages?: false;
}

const base = "pipeline/base";

/** Longest names first: a module belongs to the first room that its path starts with. */
const rooms: Readonly<Record<string, Room>> = {
  "pipeline/base": { imports: [], mayUsePackages: false },
  "pipeline/commands": { imports: "all", alsoModules: [/^pipeline\//] },
  "pipeline": { imports: [base], alsoModules: [/^pipeline\/commands\//] },
  "datasets": { imports: [base] },
  "tokenizers": { imports: [base] },
  "model": { imports: [base] },
  "engine": { imports: [base, "model"] },
  "training": {
    imports: [base, "datasets", "model", "engine"],
    types: ["tokenizers"],
  },
  "stages": { imports: "all", alsoModules: [/^pipeline\/stage\.ts$/] },
  "bench": { imports: "all", alsoModules: [/./] },
};

interface Edge {
  readonly from: string;
  readonly to: string;
  /** Only types are imported. */
  readonly isTypeOnly: boolean;
}

Deno.test("layout: rooms import only what the house style lets them", () => {
  const offending = allEdges().flatMap((edge) => {
    const why = offence(edge);
    return why === undefined ? [] : [`${edge.from} → ${edge.to}: ${why}`];
  });
  assert.deepEqual(offending, []);
});

Deno.test("layout: the check finds an edge that breaks the table", () => {
  const found = (from: string, to: string, isTypeOnly = false) =>
    offence({ from, to, isTypeOnly }) !== undefined;
  assert.ok(found("datasets/a.ts", "model/mod.ts"));
  assert.ok(found("engine/a.ts", "model/operator.ts"));
  assert.ok(found("training/a.ts", "tokenizers/mod.ts"));
  assert.ok(!found("training/a.ts", "tokenizers/mod.ts", true));
  assert.ok(found("pipeline/plan.ts", "stages/mod.ts"));
  assert.ok(found("pipeline/scheduler.ts", "pipeline/commands/run.ts"));
  assert.ok(found("pipeline/base/a.ts", "zod"));
  assert.ok(found("engine/a.ts", "engine/onnxruntime/_onnx_proto.ts"));
  assert.ok(!found("engine/onnxruntime/a.ts", "engine/onnxruntime/_onnx_proto.ts"));
  assert.ok(!found("stages/a.ts", "pipeline/stage.ts"));
  assert.ok(!found("pipeline/main.ts", "pipeline/commands/run.ts"));
});

/** Why an import is not allowed; undefined when it is. */
function offence({ from, to, isTypeOnly }: Edge): string | undefined {
  const room = roomOf(from)!;
  const { imports, alsoModules = [], types = [], mayUsePackages } = rooms[room];
  if (!to.endsWith(".ts")) {
    const isPackage = !to.startsWith("node:") && !to.endsWith(".json");
    return isPackage && mayUsePackages === false ? `${room} uses no packages` : undefined;
  }
  if (basename(to).startsWith("_") && dirname(to) !== dirname(from)) {
    return "a leading _ marks a folder's own business";
  }
  const target = roomOf(to);
  if (target === room) return undefined;
  if (target === undefined) return `it is in no room`;
  if (room === "pipeline" && target === "pipeline/commands") {
    return from === "pipeline/main.ts" ? undefined : "only the command line knows commands";
  }
  if (alsoModules.some((pattern) => pattern.test(to))) return undefined;
  const isAllowed = imports === "all" || imports.includes(target) ||
    (isTypeOnly && types.includes(target));
  if (!isAllowed) return `${room} may import ${[...imports, ...types].join(", ") || "nothing"}`;
  return basename(to) === "mod.ts" ? undefined : `${target} is imported through a mod.ts`;
}

function roomOf(path: string): string | undefined {
  return Object.keys(rooms).find((room) => path.startsWith(`${room}/`));
}

function allEdges(): Edge[] {
  const folders = new Set(Object.keys(rooms).map((room) => room.split("/")[0]));
  return [...folders].sort().flatMap((folder) => modulesUnder(folder)).flatMap(edgesFrom);
}

function modulesUnder(folder: string): string[] {
  const entries = [...Deno.readDirSync(join(projectRoot, folder))];
  return entries.sort((a, b) => a.name < b.name ? -1 : 1).flatMap(({ name, isDirectory }) => {
    if (isDirectory) return modulesUnder(`${folder}/${name}`);
    return name.endsWith(".ts") ? [`${folder}/${name}`] : [];
  });
}

/** What a module imports, statically or not, by path from the root or as written for packages. */
function edgesFrom(from: string): Edge[] {
  const code = Deno.readTextFileSync(join(projectRoot, from))
    .replace(/\/\*[^]*?\*\//g, "") // examples in doc comments
    .replace(/^\s*\/\/.*$/gm, "");
  const edges: Edge[] = [];
  const add = (specifier: string, isTypeOnly: boolean) => {
    const to = specifier.startsWith(".")
      ? relative(projectRoot, join(projectRoot, dirname(from), specifier))
      : specifier;
    edges.push({ from, to, isTypeOnly });
  };
  const statements = /^(?:import|export)\s+(type\s)?([^;"]*?)\s*from\s*"([^"\n]+)"/gm;
  for (const [, type, names, specifier] of code.matchAll(statements)) {
    const listed = /^\{([^}]*)\}$/.exec(names)?.[1].split(",").map((name) => name.trim());
    const isTypeOnly = type !== undefined ||
      (listed?.every((name) => name === "" || name.startsWith("type ")) ?? false);
    add(specifier, isTypeOnly);
  }
  for (const [, specifier] of code.matchAll(/\bimport\s*\(?\s*"([^"\n]+)"/g)) add(specifier, false);
  return edges;
}
