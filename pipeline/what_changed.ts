/**
 * Why an action is not the one that was done before: the fields in which two records differ.
 */
import { canonicalJson, type Json } from "../base/mod.ts";
import type { ActionRecord } from "./key.ts";

/** One field of a record that is not what it was. An absent `before` was not there, an absent `after` is gone. */
export type Difference =
  | {
    readonly kind: "parameter";
    /** Dotted: `model.nLayers`. */
    readonly name: string;
    readonly before?: Json;
    readonly after?: Json;
  }
  | {
    readonly kind: "code";
    /** The module whose code it is; the role that it has, where the module is not known any more. */
    readonly name: string;
    readonly before?: string;
    readonly after?: string;
    /** Modules of the bundle whose part in it is another; empty when the earlier ones are not known. */
    readonly modules: readonly string[];
  }
  | {
    /** A package's version and integrity, the digest of an input or of a file from outside. */
    readonly kind: "package" | "input" | "file";
    readonly name: string;
    readonly before?: string;
    readonly after?: string;
    /** Of an input, the instance that makes it; of a file, its path. */
    readonly from?: string;
  }
  | { readonly kind: "seed"; readonly name: string; readonly before?: Json; readonly after?: Json };

/** A record with what is known of its code: digests by role and module. */
interface Explained {
  readonly record: ActionRecord;
  readonly modules?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Differences that a line tells; the rest are counted. */
const told = 3;

/** `parameter model.nLayers: 2 → 4, code datasets/readers/text.ts (of stages/documents.ts)`. */
export function differencesText(differences: readonly Difference[]): string {
  if (differences.length === 0) return "its result is gone";
  const rest = differences.length > told ? `, and ${differences.length - told} more` : "";
  return differences.slice(0, told).map(differenceText).join(", ") + rest;
}

export function differenceText(difference: Difference): string {
  const { kind, name, before, after } = difference;
  switch (kind) {
    case "parameter":
      return `parameter ${name}: ${short(before)} → ${short(after)}`;
    case "seed":
      return `${name}: ${short(before)} → ${short(after)}`;
    case "code": {
      const { modules } = difference;
      if (modules.length === 0 || (modules.length === 1 && modules[0] === name)) {
        return `code ${name}${addedOrGone(difference)}`;
      }
      const rest = modules.length > told ? ` and ${modules.length - told} more` : "";
      return `code ${modules.slice(0, told).join(", ")}${rest} (of ${name})`;
    }
    case "package":
      return `package ${name}: ${short(version(before))} → ${short(version(after))}`;
    case "input":
      return `input ${name}${addedOrGone(difference)}${made(difference.from)}`;
    case "file":
      return `file ${name}${addedOrGone(difference)}${inQuotes(difference.from)}`;
  }
}

/**
 * All differences: parameters, code, packages, inputs, seeds; each by name.
 *
 * @param sources who makes each input, and where each file lies
 * @param paths the modules of the later record, by role
 */
export function differencesBetween(
  before: Explained,
  after: Explained,
  sources: Readonly<Record<string, string>> = {},
  paths: Readonly<Record<string, string>> = {},
): Difference[] {
  return [
    ...paramChanges(before.record.params, after.record.params, ""),
    ...changed(before.record.code, after.record.code).map((change): Difference => ({
      kind: "code",
      ...change,
      name: paths[change.name] ?? change.name,
      modules: modulesChanged(before.modules?.[change.name], after.modules?.[change.name]),
    })),
    ...changed(before.record.packages, after.record.packages).map((change): Difference => ({
      kind: "package",
      ...change,
    })),
    ...changed(before.record.inputs, after.record.inputs).map((change): Difference => ({
      ...change,
      kind: change.name.startsWith("file:") ? "file" : "input",
      name: change.name.replace(/^file:/, ""),
      ...(sources[change.name] !== undefined ? { from: sources[change.name] } : {}),
    })),
    ...seedChanges(before.record.seeds, after.record.seeds),
  ];
}

function paramChanges(
  before: Json | undefined,
  after: Json | undefined,
  path: string,
): Difference[] {
  if (text(before) === text(after)) return [];
  if (isMap(before) && isMap(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].sort().flatMap((key) =>
      paramChanges(before[key], after[key], path === "" ? key : `${path}.${key}`)
    );
  }
  return [{ kind: "parameter", name: path, before, after }];
}

interface Change {
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

function changed(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.filter((name) => before[name] !== after[name]).map((name) => ({
    name,
    ...(name in before ? { before: before[name] } : {}),
    ...(name in after ? { after: after[name] } : {}),
  }));
}

function modulesChanged(
  before: Readonly<Record<string, string>> | undefined,
  after: Readonly<Record<string, string>> | undefined,
): string[] {
  if (before === undefined || after === undefined) return [];
  return changed(before, after).map(({ name }) => name);
}

function seedChanges(before: ActionRecord["seeds"], after: ActionRecord["seeds"]): Difference[] {
  if (text(before as Json | undefined) === text(after as Json | undefined)) return [];
  if (before?.root === after?.root) {
    return [{ kind: "seed", name: "names of seeds", before: before?.names, after: after?.names }];
  }
  return [{ kind: "seed", name: "seed", before: before?.root, after: after?.root }];
}

function isMap(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: Json | undefined): string {
  return value === undefined ? "" : canonicalJson(value);
}

function short(value: Json | undefined): string {
  const full = value === undefined ? "nothing" : JSON.stringify(value);
  return full.length > 40 ? `${full.slice(0, 39)}…` : full;
}

/** Of `4.6.7 sha512-…` what people know a package by. */
function version(locked: string | undefined): string | undefined {
  return locked?.split(", ").map((one) => one.split(" ")[0]).join(", ");
}

function addedOrGone({ before, after }: { before?: unknown; after?: unknown }): string {
  return before === undefined ? " added" : after === undefined ? " removed" : "";
}

function made(by: string | undefined): string {
  return by === undefined ? "" : `: ${by} made other bytes`;
}

function inQuotes(path: string | undefined): string {
  return path === undefined ? "" : ` ("${path}")`;
}
