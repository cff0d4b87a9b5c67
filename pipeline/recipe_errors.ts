/**
 * What a schema refuses in a recipe, as messages that name the place.
 */
import type { z } from "zod";
import { type Json, nearestName } from "../base/mod.ts";
import { type Path, type PlacedYaml, valueAt } from "./placed_yaml.ts";

type Issue = z.core.$ZodIssue;
type JsonSchema = z.core.JSONSchema.JSONSchema;

/** One line for each issue: `sample.yaml:12:5: Cannot accept …`. */
export function explainIssues(
  issues: readonly Issue[],
  recipe: PlacedYaml,
  schema: z.ZodType,
): string[] {
  return issues.flatMap((issue) => explain(issue, [], recipe, schema));
}

/** @param above The path to the value that the issue's own path starts from. */
function explain(issue: Issue, above: Path, recipe: PlacedYaml, schema: z.ZodType): string[] {
  const path = [...above, ...issue.path];
  const [parent, key] = [path.slice(0, -1), String(path.at(-1))];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema.toJSONSchema({ io: "input", unrepresentable: "any" }), path);
    return issue.keys.map((key) => unknownKey(key, path, known, recipe));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    return nearestAlternative(issue.errors)
      .flatMap((inner) => explain(inner, path, recipe, schema));
  }
  const places = recipe.placesOf(path);
  if (places === undefined) {
    const map = recipe.placesOf(parent) ?? recipe.placesOf([])!;
    const expected = expectation(issue);
    return [`${map.key}: Cannot find key "${key}" in ${nameOf(parent)}: expected ${expected}`];
  }
  if (issue.code === "invalid_key") {
    const why = issue.issues.map(expectation).join("; ");
    return [`${places.key}: Cannot accept key "${key}" in ${nameOf(parent)}: expected ${why}`];
  }
  const found = describe(valueAt(recipe.value, path));
  return [
    `${places.value}: Cannot accept ${nameOf(path)}: expected ${
      expectation(issue)
    }, found ${found}`,
  ];
}

function unknownKey(
  key: string,
  path: Path,
  known: readonly string[],
  recipe: PlacedYaml,
): string {
  const nearest = nearestName(key, known);
  const help = nearest !== undefined
    ? `did you mean "${nearest}"?`
    : `expected ${known.length === 0 ? "no keys" : `one of ${known.join(", ")}`}`;
  const place = recipe.placesOf([...path, key])!.key;
  return `${place}: Cannot accept key "${key}" in ${nameOf(path)}: ${help}`;
}

/** The alternative of a union that came nearest: its issues lie deepest in the value, and of those it has the fewest. */
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

function describe(value: Json | undefined): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value === "object" && value !== null ? "a map" : JSON.stringify(value);
}

function nameOf(path: Path): string {
  return path.length === 0 ? "the recipe" : path.map(String).join(".");
}

/** The keys that a schema knows at a path: of every alternative that has a map there. */
function keysAt(schema: JsonSchema, path: Path): string[] {
  const alternatives = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (alternatives !== undefined) {
    return [...new Set(alternatives.flatMap((one) => keysAt(one, path)))];
  }
  if (path.length === 0) return Object.keys(schema.properties ?? {});
  const [key, ...rest] = path;
  const next = schema.properties?.[String(key)] ?? schema.additionalProperties ?? schema.items;
  return typeof next === "object" && !Array.isArray(next) ? keysAt(next, rest) : [];
}
