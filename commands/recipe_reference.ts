/**
 * The reference of recipes, `docs/recipes.md`: each key with its type, its default and its meaning, from the schema and
 * `pipeline/recipes/base.yaml`. To write it: `deno task docs:recipes`.
 */
import { join } from "node:path";
import { isMap, isScalar, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { recipeSchema } from "../stages/mod.ts";
import { maxCount } from "../training/mod.ts";
import { unigramDefaults } from "../tokenizers/mod.ts";
import { project } from "./dept.ts";
import { trainingOptions } from "./tokenizer_options.ts";

type Schema = z.core.JSONSchema.JSONSchema;

/** A key's default in `base.yaml`, and the comment beside it. */
interface Default {
  readonly value: unknown;
  readonly reason?: string;
}

interface Row {
  readonly key: string;
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
}

const head = `# Recipes, key by key

This file is made from the schema and from \`pipeline/recipes/base.yaml\`; \`deno task docs:recipes\` writes it.

A recipe is a YAML file that extends another one: \`extends: base\`, or a name or path. It says only how it differs. A key can
be set from the command line: \`--set pretrain.rounds=3\`; the value is YAML, or, where the key holds text, the text as it is
typed. A path is relative to the file that says it, on the command line to the folder where it is typed. \`<name>\` in a key stands for a name of your choice. A default is what
\`base\` says; "required" is what a recipe must say where it uses the map, and "–" may be left out.
`;

/** The text of the reference. @throws Error naming a key whose schema has no meaning. */
export function recipeReference(): string {
  const defaults = baseDefaults(Deno.readTextFileSync(join(project.recipes, "base.yaml")));
  for (const own of ["name", "description"]) defaults.delete(own);
  const schema: Schema = recipeSchema.toJSONSchema({ io: "input", unrepresentable: "any" });
  const top: Row[] = [];
  const sections: string[] = [];
  for (const [key, member] of Object.entries(schema.properties!)) {
    const rows = rowsOf(key, asSchema(member), defaults, true);
    if (key === "vocabulary") rows.push(...unigramRows("vocabulary.global"));
    if (rows.length === 1) top.push(rows[0]);
    else sections.push(`## ${key}\n\n${rows[0].meaning}\n\n${table(rows.slice(1))}`);
  }
  return [head, table(top), ...sections].join("\n");
}

/** The row of a key, and after it those of the keys inside. */
function rowsOf(
  key: string,
  schema: Schema,
  defaults: ReadonlyMap<string, Default>,
  isRequired: boolean,
): Row[] {
  if (schema.description === undefined) {
    throw new Error(`Cannot describe key "${key}" of recipes: expected a meaning in the schema`);
  }
  const row = {
    key,
    type: typeOf(schema),
    default: defaultOf(key, schema, defaults, isRequired),
    meaning: schema.description,
  };
  return [row, ...inside(key, schema, defaults)];
}

function inside(key: string, schema: Schema, defaults: ReadonlyMap<string, Default>): Row[] {
  if (schema.anyOf !== undefined || schema.oneOf !== undefined) {
    return distinct(alternatives(schema).flatMap((one) => inside(key, one, defaults)));
  }
  if (schema.type !== "object") return [];
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, member]) =>
      rowsOf(
        `${key}.${name}`,
        asSchema(member),
        defaults,
        schema.required?.includes(name) ?? false,
      )
    );
  }
  return inside(`${key}.<name>`, asSchema(schema.additionalProperties), defaults);
}

/** Alternatives of a map may have keys in common. */
function distinct(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
}

function alternatives({ anyOf = [], oneOf = [] }: Schema): Schema[] {
  return [...anyOf, ...oneOf].map(asSchema);
}

function asSchema(schema: boolean | Schema | undefined): Schema {
  return typeof schema === "object" ? schema : {};
}

function typeOf(schema: Schema): string {
  const { type, const: value, enum: values, items } = schema;
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (value !== undefined) return code(value);
  if (values !== undefined) return values.map(code).join(", ");
  const all = alternatives(schema);
  if (all.length > 0) return [...new Set(all.map(typeOf))].join(" or ");
  if (type === "integer" || type === "number") {
    const name = type === "integer" ? "whole number" : "number";
    const low = minimum !== undefined
      ? ` from ${minimum}`
      : exclusiveMinimum !== undefined
      ? ` above ${exclusiveMinimum}`
      : "";
    const high = exclusiveMaximum !== undefined
      ? ` below ${exclusiveMaximum}`
      : maximum !== undefined && maximum < maxCount
      ? ` to ${maximum}`
      : "";
    return name + low + high;
  }
  if (Array.isArray(type)) return type.map((one) => typeOf({ type: one })).join(" or ");
  if (type === "array") return `list of ${typeOf(asSchema(items as Schema))}`;
  if (type === "object" && schema.properties === undefined) {
    return `map of ${typeOf(asSchema(schema.additionalProperties))}`;
  }
  const names: Readonly<Record<string, string>> = {
    object: "map",
    string: "text",
    boolean: "true or false",
    null: "null",
  };
  return names[String(type)] ?? "any value";
}

function defaultOf(
  key: string,
  schema: Schema,
  defaults: ReadonlyMap<string, Default>,
  isRequired: boolean,
): string {
  const base = defaults.get(key);
  if (base !== undefined) {
    return code(base.value) + (base.reason === undefined ? "" : ` (${base.reason})`);
  }
  if (schema.default !== undefined) return code(schema.default);
  if (schema.properties !== undefined && [...defaults.keys()].some(isInside)) return "";
  return isRequired ? "required" : "–";

  function isInside(other: string): boolean {
    return other.startsWith(`${key}.`);
  }
}

/** Settings of the unigram trainer, whose defaults stand beside its code. */
function unigramRows(place: string): Row[] {
  return Object.entries(unigramDefaults).map(([field, value]) => ({
    key: `${place}.${field}`,
    type: Array.isArray(value)
      ? "list of text"
      : { number: "number", boolean: "true or false" }[typeof value as string] ?? "text",
    default: code(value),
    meaning: sentence(trainingOptions[field as keyof typeof trainingOptions]),
  }));
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** The defaults by dotted key. A map has one itself where it is empty or has a reason. */
function baseDefaults(text: string): Map<string, Default> {
  const defaults = new Map<string, Default>();
  const walk = (node: Node | null, path: string, reason: string | null | undefined) => {
    const said = reason?.trim().replaceAll(/\s+/g, " ");
    if (isMap(node) && node.items.length > 0) {
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : "";
        const before = isScalar(key) ? key.commentBefore : undefined;
        const child = value as Node | null;
        walk(child, path === "" ? name : `${path}.${name}`, child?.comment ?? before);
      }
      if (said === undefined) return;
    }
    const value = isMap(node) ? node.toJSON() : node?.toJSON() ?? null;
    defaults.set(path, { value, ...(said ? { reason: said } : {}) });
  };
  walk(parseDocument(text).contents, "", undefined);
  return defaults;
}

function table(rows: readonly Row[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<unk>", "`<unk>`");
  return [
    "| key | type | default | meaning |",
    "|---|---|---|---|",
    ...rows.map((row) =>
      `| \`${row.key}\` | ${cell(row.type)} | ${cell(row.default)} | ${cell(row.meaning)} |`
    ),
    "",
  ].join("\n");
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

if (import.meta.main) {
  Deno.writeTextFileSync(join(project.root, "docs/recipes.md"), recipeReference());
}
