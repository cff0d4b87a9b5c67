/**
 * llama.cpp in a process of its own: npm `node-llama-cpp` with the library that was built beforehand, under Node. It is installed into a
 * folder for temporary files, without scripts, and stays there for the next time.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fromFileUrl } from "../paths.ts";

const version = "3.22.1";
const built = "linux-x64";
const folder = join(tmpdir(), `dept-tests-node-llama-cpp-${version}`);
const installMs = 60_000;

interface AskedModel {
  readonly path: string;
  readonly cache: "F32" | "F16";
  readonly flash: boolean;
  readonly texts: readonly string[];
  readonly sequences: readonly (readonly number[])[];
  readonly starts: readonly (readonly number[])[];
  readonly most: number;
}

interface FoundModel {
  readonly ids: readonly (readonly number[])[];
  readonly decoded: readonly string[];
  readonly losses: readonly (readonly number[])[];
  readonly answers: readonly (readonly number[])[];
}

/** Installs the package unless it is there. Returns why it cannot be had, or undefined. */
export async function llamaCppMissing(): Promise<string | undefined> {
  if (`${Deno.build.os}-${Deno.build.arch}` !== "linux-x86_64") return `only ${built} is tried`;
  if (isThere(folder)) return undefined;
  const place = `${folder}.${crypto.randomUUID()}`;
  try {
    Deno.mkdirSync(place);
    const { success, stderr } = await new Deno.Command("npm", {
      args: [
        ...["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"],
        "--fetch-retries=0",
        ...[`node-llama-cpp@${version}`, `@node-llama-cpp/${built}@${version}`],
      ],
      cwd: place,
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(installMs),
    }).output();
    if (!success) {
      const [line] = new TextDecoder().decode(stderr).trim().split("\n");
      return line || `npm did not end within ${installMs / 1000} s`;
    }
    if (!isThere(folder)) Deno.renameSync(place, folder);
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "npm is not installed";
    if (isThere(folder)) return undefined; // another process was quicker
    throw error;
  } finally {
    if (isThere(place)) Deno.removeSync(place, { recursive: true });
  }
}

/** What llama.cpp says of models in GGUF files. */
export async function useModels(models: readonly AskedModel[]): Promise<FoundModel[]> {
  const main = join(folder, "node_modules/node-llama-cpp/dist/index.js");
  const child = new Deno.Command("node", {
    args: [fromFileUrl(new URL("use_models.mjs", import.meta.url))],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const request = JSON.stringify({ library: pathToFileURL(main).href, models });
  await input.write(new TextEncoder().encode(request));
  await input.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
