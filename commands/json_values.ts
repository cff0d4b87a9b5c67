/**
 * Values of typed columns as JSON can hold them, none changed in silence.
 */
import { Buffer } from "node:buffer";
import { JsonNumber } from "../datasets/mod.ts";

/**
 * Large integers of columns become text (those of JSON stay as they were written), moments ISO 8601, bytes text where they are UTF-8 and else `{"base64": …}`, numbers without
 * a JSON form text.
 */
export function jsonValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (Object.is(value, -0)) return new JsonNumber("-0.0");
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof JsonNumber) return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    } catch {
      return { base64: Buffer.from(value).toString("base64") };
    }
  }
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonValue(inner)]));
  }
  return value;
}
