/**
 * An invitation: a file by which a silo takes part in a run that another party leads. It holds a private key, and what the leader's user
 * may have given of rights at the exchange: each is a secret of its silo.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { formatBytes, UsageError, writeFileAtomic } from "../base/mod.ts";

const base64 = z.string().regex(/^[A-Za-z0-9+/=]*$/);

const schema = z.strictObject({
  format: z.literal("dept invitation 1"),
  /** The name of the run in its exchange. */
  run: z.string().regex(/^[0-9a-f]{64}$/),
  /** The source that this silo has, and all that take part. */
  source: z.string(),
  sources: z.array(z.string()).min(1),
  /** The variant that is trained. */
  variant: z.string(),
  /** URL of the exchange. */
  exchange: z.string(),
  leaderKey: base64,
  privateKey: base64,
  /** Digest of the code that trains. */
  code: z.string(),
  /** What all parties have in common of a recipe. */
  recipe: z.record(z.string(), z.unknown()),
  /** The tokenizer of all sources, where they have one that is no remote file. */
  tokenizer: z.strictObject({ name: z.string(), base64 }).nullable(),
  /** Variables of the environment by which the silo reaches the exchange. */
  environment: z.record(z.string(), z.string()),
  /** Files that variables name: their content by the variable. */
  files: z.record(z.string(), z.string()),
});

export type Invitation = z.infer<typeof schema>;

/** A larger file is no invitation: tokenizers have some megabytes. */
const mostBytes = 1 << 28;

/** @throws UsageError for a file that is none */
export function readInvitation(path: string): Invitation {
  const refuse = (found: string, cause?: unknown): never => {
    throw new UsageError(
      `Cannot read invitation "${path}": expected a file that \`serve\` has written for this silo, found ${found}`,
      { cause },
    );
  };
  let text = "";
  try {
    const { size, isFile } = Deno.statSync(path);
    if (!isFile) return refuse("no file");
    if (size > mostBytes) return refuse(`${formatBytes(size)}`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return refuse(error instanceof Deno.errors.NotFound ? "none" : String(error), error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse("no JSON; was it cut off?", error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path: at, message }] = parsed.error.issues;
  return refuse(`${at.join(".") || "it"}: ${message}`, parsed.error);
}

/** Writes a file that only its user can read. It appears whole, or not at all. */
export function writeSecret(path: string, text: string): void {
  writeFileAtomic(path, text, { mode: 0o600 });
}

/** A file as an invitation carries it. */
export function carried(path: string): NonNullable<Invitation["tokenizer"]> {
  return { name: basename(path), base64: readFileSync(path).toString("base64") };
}
