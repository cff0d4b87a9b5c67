/**
 * Why an action is not the one that was done before, in a few words.
 */
import { canonicalJson, type Json } from "./base/mod.ts";
import type { ActionRecord } from "./key.ts";

/** Differences that are told; the rest are counted. */
const told = 3;

/** `params model.nLayers: 2 → 4, code stages/tokenize.ts`: the fields in which two records differ. */
export function whatChanged(before: ActionRecord, after: ActionRecord): string {
  const changes = [
    ...paramChanges(before.params, after.params, ""),
    ...mapChanges("code", before.code, after.code),
    ...mapChanges("package", before.packages, after.packages),
    ...mapChanges("input", before.inputs, after.inputs),
    ...seedChanges(before, after),
  ];
  if (changes.length === 0) return "its result is gone";
  const rest = changes.length > told ? `, and ${changes.length - told} more` : "";
  return changes.slice(0, told).join(", ") + rest;
}

function paramChanges(before: Json | undefined, after: Json | undefined, path: string): string[] {
  if (text(before) === text(after)) return [];
  if (isMap(before) && isMap(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].sort().flatMap((key) =>
      paramChanges(before[key], after[key], path === "" ? key : `${path}.${key}`)
    );
  }
  return [`params ${path}: ${short(before)} → ${short(after)}`];
}

function mapChanges(
  kind: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.filter((name) => before[name] !== after[name]).map((name) => {
    if (!(name in before)) return `${kind} ${name} added`;
    if (!(name in after)) return `${kind} ${name} removed`;
    return `${kind} ${name}`;
  });
}

function seedChanges(before: ActionRecord, after: ActionRecord): string[] {
  if (text(before.seeds as Json | undefined) === text(after.seeds as Json | undefined)) return [];
  if (before.seeds?.root === after.seeds?.root) return ["names of seeds"];
  return [`seed: ${before.seeds?.root ?? "none"} → ${after.seeds?.root ?? "none"}`];
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
