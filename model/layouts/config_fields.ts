/**
 * Fields of a `config.json` with their checks. Every error names the class that the file is read as, and the field.
 */
import { canonicalJson, type Json } from "../../base/mod.ts";
import type { ConfigJson } from "./layout.ts";

export class ConfigFields {
  readonly #json: ConfigJson;
  readonly #architecture: string;
  /** Before the names of fields in messages: `attn_config.`. */
  readonly #path: string;

  constructor(json: ConfigJson, architecture: string, path = "") {
    this.#json = json;
    this.#architecture = architecture;
    this.#path = path;
  }

  /** A whole number of 1 or more. @param missing What a field stands for that is not there, or null */
  count(field: string, missing?: number): number {
    const value = this.#value(field) ?? missing;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
    return this.fail(field, "a whole number of 1 or more", value);
  }

  /** A number above 0. @param missing What a field stands for that is not there, or null */
  positive(field: string, missing: number): number {
    const value = this.#value(field) ?? missing;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    return this.fail(field, "a number above 0", value);
  }

  /** What one of some texts means. @param missing What a field stands for that is not there, or null */
  choice<Meaning>(
    field: string,
    meanings: Readonly<Record<string, Meaning>>,
    missing: string,
  ): Meaning {
    const value = this.#value(field) ?? missing;
    if (typeof value === "string" && Object.hasOwn(meanings, value)) return meanings[value];
    return this.fail(
      field,
      Object.keys(meanings).map((one) => JSON.stringify(one)).join(" or "),
      value,
    );
  }

  /** A truth value. @param missing What a field stands for that is not there, or null */
  flag(field: string, missing: boolean): boolean {
    const value = this.#value(field) ?? missing;
    return typeof value === "boolean" ? value : this.fail(field, "true or false", value);
  }

  /** Refuses every value but those. @param missing What a field stands for that is not there, or null */
  expect(field: string, expected: readonly Json[], missing: Json): void {
    const value = canonicalJson(this.#value(field) ?? missing);
    const texts = expected.map(canonicalJson);
    if (!texts.includes(value)) this.fail(field, texts.join(" or "), this.#value(field) ?? missing);
  }

  /** The fields of an object; none where it is missing or null. */
  inside(field: string): ConfigFields {
    const value = this.#value(field) ?? {};
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.fail(field, "an object", value as Json);
    }
    return new ConfigFields(value as ConfigJson, this.#architecture, `${this.#path}${field}.`);
  }

  /** @throws RangeError always */
  fail(field: string, expected: string, found: Json | undefined): never {
    throw new RangeError(
      `Cannot use config.json as ${this.#architecture}: expected ${this.#path}${field} to be ` +
        `${expected}, found ${found === undefined ? "none" : canonicalJson(found)}`,
    );
  }

  #value(field: string): Json | undefined {
    return Object.hasOwn(this.#json, field) ? this.#json[field] : undefined;
  }
}
