/** npm `@huggingface/transformers` in a process of its own. */
import { fromFileUrl } from "../paths.ts";

const library = "npm:@huggingface/transformers@4.3.2";

interface AskedModel {
  readonly folder: string;
  readonly tokens: readonly number[];
  readonly start: readonly number[];
  readonly most: number;
  readonly texts: readonly string[];
  readonly prompt: string;
}

export interface FoundModel {
  readonly logits: readonly number[];
  readonly withCache: readonly number[];
  readonly withoutCache: readonly number[];
  readonly ids: readonly (readonly number[])[];
  readonly decoded: readonly string[];
  readonly continued: string;
}

/** This project's configuration and lock file know nothing of the package. */
const apart = ["--quiet", "--no-config", "--no-lock"];

/** Fetches the package unless it is there. Returns why it cannot be had, or undefined. */
export async function transformersJsMissing(): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", ...apart, library],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return undefined;
  return `${library}: ${new TextDecoder().decode(stderr).trim().split("\n")[0]}`;
}

/** What transformers.js says of models whose folders are in `place`. */
export async function useModels(
  place: string,
  models: readonly AskedModel[],
): Promise<FoundModel[]> {
  const program = fromFileUrl(new URL("use_models.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...apart, program],
    env: { NO_COLOR: "1", ORT_DISABLE_TELEMETRY: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify({ library, place, models })));
  await input.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
