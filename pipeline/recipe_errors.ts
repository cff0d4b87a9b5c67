/**
 * What a schema refuses in a recipe, as messages that name the place.
 */
import type { z } from "zod";
import { didYouMean, type Json, nearestName } from "../base/mod.ts";
import { isMap, type Path, type PlacedYaml, valueAt } from "./placed_yaml.ts";
import { fittingKeysAt, keysAt, writtenSchema } from "./recipe_schema.ts";

type Issue = z.core.$ZodIssue;

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
    const written = writtenSchema(schema);
    const value = valueAt(recipe.value, path);
    const known = { all: keysAt(written, path), fitting: fittingKeysAt(written, path, value) };
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
  const found = valueAt(recipe.value, path);
  const hint = typeof found === "string" ? didYouMean(found, wordsOf(issue)) : "";
  return [
    `${places.value}: Cannot accept ${nameOf(path)}: expected ${expectation(issue)}, ` +
    `found ${describe(found)}${hint}`,
  ];
}

/** @param known Keys that the schema has at the path, and those that can stand beside the other keys there. */
function unknownKey(
  key: string,
  path: Path,
  known: { readonly all: readonly string[]; readonly fitting: readonly string[] },
  recipe: PlacedYaml,
): string {
  const place = recipe.placesOf([...path, key])!.key;
  return `${place}: Cannot accept key ${JSON.stringify(key)} in ${nameOf(path)}: ${help()}`;

  function help(): string {
    if (known.all.includes(key)) {
      return `it does not go with ${besides(key, valueAt(recipe.value, path))}`;
    }
    const nearest = nearestName(key, known.fitting);
    if (nearest !== undefined) return `did you mean "${nearest}"?`;
    return `expected ${
      known.fitting.length === 0 ? "no keys" : `one of ${known.fitting.join(", ")}`
    }`;
  }
}

/** The other keys of a map, with their values where these are short. */
function besides(key: string, map: Json | undefined): string {
  return Object.entries(isMap(map) ? map : {}).filter(([other]) => other !== key)
    .map(([other, value]) => typeof value === "string" ? `${other}: ${value}` : other).join(", ");
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
      return Object.hasOwn(typeNames, issue.expected) ? typeNames[issue.expected] : issue.expected;
    case "invalid_value":
    case "invalid_union": {
      const words = wordsOf(issue);
      return words.length === 1 ? JSON.stringify(words[0]) : `one of ${words.join(", ")}`;
    }
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

/** The words that a key takes, where it takes no others. */
function wordsOf(issue: Issue): string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  // Of a union that a word tells apart; its type does not say so.
  const { options } = issue as { readonly options?: readonly unknown[] };
  return (options ?? []).map(String);
}

function limit(origin: string, relation: string, bound: number | bigint): string {
  const plural = Number(bound) === 1 ? "" : "s";
  if (origin === "array" || origin === "set") return `a list of ${relation} ${bound} item${plural}`;
  if (origin === "string") return `text of ${relation} ${bound} character${plural}`;
  return `${relation} ${bound}`;
}

function describe(value: Json | undefined): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a map";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}…`;
}

/** Of a value that is not what it must be: a line has room for it. */
const shownCharacters = 200;

function nameOf(path: Path): string {
  if (path.length === 0) return "the recipe";
  return path.map((part) => /^[\w-]+$/.test(String(part)) ? String(part) : JSON.stringify(part))
    .join(".");
}
