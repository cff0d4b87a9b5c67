/**
 * How silos reach an exchange: variables of their environment, which their invitations carry.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { UsageError } from "../base/mod.ts";

/** Variables by name. */
export type SiloRights = Readonly<Record<string, string>>;

/** What all parties may know: where the exchange is. */
const common = [
  "AWS_ENDPOINT_URL_S3",
  "AWS_ENDPOINT_URL",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_CA_BUNDLE",
  "NATS_CA",
];

/** Variables that name files: an invitation carries their content. */
const ofFiles = ["AWS_CA_BUNDLE", "NATS_CREDS", "NATS_CA"];

const schema = z.record(z.string(), z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()));

/** Reads the rights of silos. @throws UsageError for another file, and for one that lacks a silo, or has another */
export function readRights(
  path: string,
  silos: readonly string[],
): Readonly<Record<string, SiloRights>> {
  const refuse = (found: string, cause?: unknown): never => {
    throw new UsageError(
      `Cannot read --rights ${path}: expected JSON with the variables of each silo, ` +
        `{"${silos[0]}": {"AWS_ACCESS_KEY_ID": "…", "AWS_SECRET_ACCESS_KEY": "…"}}, found ${found}`,
      { cause },
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    return refuse(error instanceof SyntaxError ? "no JSON" : String(error), error);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return refuse(parsed.error.issues[0].message, parsed.error);
  const missing = silos.find((silo) => !Object.hasOwn(parsed.data, silo));
  if (missing !== undefined) return refuse(`none for "${missing}"`);
  const other = Object.keys(parsed.data).find((silo) => !silos.includes(silo));
  if (other !== undefined) return refuse(`some for "${other}", which is no silo of this run`);
  return parsed.data;
}

/** What an invitation says of the environment: where the exchange is, and the silo's own rights. */
export function environmentFor(
  environment: Pick<Deno.Env, "get">,
  rights: SiloRights,
): { readonly environment: Record<string, string>; readonly files: Record<string, string> } {
  const known = common.map((name) => [name, environment.get(name)] as const)
    .filter((pair): pair is readonly [string, string] => pair[1] !== undefined && pair[1] !== "");
  const all = { ...Object.fromEntries(known), ...rights };
  const isFile = (name: string) => ofFiles.includes(name);
  const entries = Object.entries(all);
  return {
    environment: Object.fromEntries(entries.filter(([name]) => !isFile(name))),
    files: Object.fromEntries(
      entries.filter(([name]) => isFile(name))
        .map(([name, path]) => [name, readFileSync(path, "utf8")]),
    ),
  };
}
