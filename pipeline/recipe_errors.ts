/**
 * What a schema refuses in a recipe, said with its place.
 */
import type { z } from "zod";
import { nearestName } from "../base/mod.ts";
import { lookUp, type Tree, valueOf } from "./yaml_tree.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** One line for each issue: `sample.yaml:12:5: Cannot accept …`. */
export function explainIssues(issues: readonly Issue[], tree: Tree, schema: z.ZodType): string[] {
  return issues.flatMap((issue) => explain(issue, [], tree, schema));
}

/** @param above The path to the value that the issue's own path starts from. */
function explain(issue: Issue, above: Path, tree: Tree, schema: z.ZodType): string[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => unknownKey(key, path, known, tree));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    return nearestAlternative(issue.errors).flatMap((inner) => explain(inner, path, tree, schema));
  }
  if (issue.code === "invalid_key") {
    const why = issue.issues.map(expectation).join("; ");
    const place = lookUp(tree, path)?.keyPlace ?? tree.place;
    const map = nameOf(path.slice(0, -1));
    return [`${place}: Cannot accept key "${String(path.at(-1))}" in ${map}: expected ${why}`];
  }
  const found = lookUp(tree, path);
  if (found === undefined) {
    const parent = lookUp(tree, path.slice(0, -1)) ?? { keyPlace: tree.place };
    return [
      `${parent.keyPlace}: Cannot find key "${String(path.at(-1))}" in ${
        nameOf(path.slice(0, -1))
      }: expected ${expectation(issue)}`,
    ];
  }
  return [
    `${found.tree.place}: Cannot accept ${nameOf(path)}: expected ${expectation(issue)}, ` +
    `found ${describe(found.tree)}`,
  ];
}

function unknownKey(key: string, path: Path, known: readonly string[], tree: Tree): string {
  const place = lookUp(tree, [...path, key])?.keyPlace ?? tree.place;
  const nearest = nearestName(key, known);
  const help = nearest !== undefined
    ? `did you mean "${nearest}"?`
    : `expected ${known.length === 0 ? "no keys" : `one of ${known.join(", ")}`}`;
  return `${place}: Cannot accept key "${key}" in ${nameOf(path)}: ${help}`;
}

/** Of the ways a union was tried, the one that went furthest: the issues deepest in the value, then the fewest. */
function nearestAlternative(alternatives: readonly Issue[][]): readonly Issue[] {
  const depth = (issues: readonly Issue[]) =>
    Math.max(
      ...issues.map((issue) => issue.path.length + (issue.code === "unrecognized_keys" ? 1 : 0)),
    );
  const tried = alternatives.filter((issues) => issues.length > 0);
  return tried.reduce((best, issues) => {
    const nearer = depth(issues) - depth(best);
    return nearer > 0 || (nearer === 0 && issues.length < best.length) ? issues : best;
  });
}

const typeNames: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "text",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
  null: "null",
};

function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeNames[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.length === 1
        ? JSON.stringify(issue.values[0])
        : `one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return limit(issue.origin, issue.inclusive ? "at least" : "more than", issue.minimum);
    case "too_big":
      return limit(issue.origin, issue.inclusive ? "at most" : "less than", issue.maximum);
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    default:
      // A schema's own message may start like ours.
      return issue.message.replace(/^expected /i, "");
  }
}

function limit(origin: string, relation: string, bound: number | bigint): string {
  const plural = Number(bound) === 1 ? "" : "s";
  if (origin === "array" || origin === "set") return `a list of ${relation} ${bound} item${plural}`;
  if (origin === "string") return `text of ${relation} ${bound} character${plural}`;
  return `${relation} ${bound}`;
}

function describe(tree: Tree): string {
  if (tree.kind === "map") return "a map";
  if (tree.kind === "list") return tree.items.length === 0 ? "an empty list" : "a list";
  return JSON.stringify(valueOf(tree));
}

function nameOf(path: Path): string {
  return path.length === 0 ? "the recipe" : path.map(String).join(".");
}

/** The keys that a schema knows at a path: of every alternative that has a map there. */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  const def = (schema as z.ZodType)._zod.def as unknown as {
    readonly type: string;
    readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
    readonly options?: readonly z.core.$ZodType[];
    readonly innerType?: z.core.$ZodType;
    readonly valueType?: z.core.$ZodType;
    readonly element?: z.core.$ZodType;
    readonly in?: z.core.$ZodType;
  };
  if (def.options !== undefined) {
    return [...new Set(def.options.flatMap((option) => keysAt(option, path)))];
  }
  const inner = def.innerType ?? def.in;
  if (inner !== undefined) return keysAt(inner, path);
  if (path.length === 0) return Object.keys(def.shape ?? {});
  const next = def.shape?.[String(path[0])] ?? def.valueType ?? def.element;
  return next === undefined ? [] : keysAt(next, path.slice(1));
}
