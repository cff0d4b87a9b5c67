/**
 * Values of typed columns as JSON can hold them, none changed in silence.
 */
import { Buffer } from "node:buffer";

/**
 * Large integers become text, moments ISO 8601, bytes text where they are UTF-8 and else `{"base64": …}`, numbers without
 * a JSON form text.
 */
export function jsonValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
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
