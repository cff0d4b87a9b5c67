/**
 * What a recipe's schema has at a path: its keys, and whether it holds text.
 */
import type { z } from "zod";
import type { Json } from "../base/mod.ts";
import { isMap, type Path } from "./placed_yaml.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Made once for each schema: it takes some 50 ms. */
const written = new WeakMap<z.ZodType, JsonSchema>();

/** A schema as JSON Schema, of what a recipe may write. */
export function writtenSchema(schema: z.ZodType): JsonSchema {
  const made = written.get(schema) ??
    schema.toJSONSchema({ io: "input", unrepresentable: "any" });
  written.set(schema, made);
  return made;
}

/** The keys that a schema knows at a path: of every alternative that has a map there. */
export function keysAt(schema: JsonSchema, path: Path): string[] {
  return [
    ...new Set(alternativesAt(schema, path).flatMap((it) => Object.keys(it.properties ?? {}))),
  ];
}

/** The same, without alternatives that a value at the path rules out by a word of its own: `kind: average`. */
export function fittingKeysAt(schema: JsonSchema, path: Path, value: Json | undefined): string[] {
  const fits = ({ properties = {} }: JsonSchema) =>
    Object.entries(properties).every(([key, property]) =>
      typeof property !== "object" || property.const === undefined || !isMap(value) ||
      value[key] === property.const
    );
  return [
    ...new Set(
      alternativesAt(schema, path).filter(fits).flatMap((it) => Object.keys(it.properties ?? {})),
    ),
  ];
}

/** Whether text for a key is its value as it stands: the key holds text, and the text is no list, map, null or quoted text. */
export function takesText(schema: JsonSchema, path: Path, text: string): boolean {
  const types = new Set<unknown>(alternativesAt(schema, path).flatMap(({ type }) => type));
  if (!types.has("string") || /^["']/.test(text)) return false;
  if (["number", "integer", "boolean", undefined].some((type) => types.has(type))) return false;
  const isOther = types.has("null") && /^(null|~|)$/.test(text) ||
    types.has("array") && text.startsWith("[") || types.has("object") && text.startsWith("{");
  return !isOther;
}

/** Every alternative of a schema at a path, without unions. */
function alternativesAt(schema: JsonSchema, path: Path): JsonSchema[] {
  const alternatives = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (alternatives !== undefined) {
    return alternatives.flatMap((one) => alternativesAt(one as JsonSchema, path));
  }
  if (path.length === 0) return [schema];
  const [key, ...rest] = path;
  const { properties = {}, additionalProperties, items } = schema;
  const next = Object.hasOwn(properties, key)
    ? properties[String(key)]
    : additionalProperties ?? items;
  return typeof next === "object" && !Array.isArray(next) ? alternativesAt(next, rest) : [];
}
