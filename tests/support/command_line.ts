/**
 * Runs the project's command line as a user would.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "./paths.ts";

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const tinyRecipe: string = join(projectRoot, "tests/support/recipes/tiny.yaml");

/** `deno task pipeline …` without the task's own line; `root` is a checkout. */
export function pipelineCommand(
  args: readonly string[],
  root: string = projectRoot,
  env: Readonly<Record<string, string>> = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--config",
      join(root, "deno.json"),
      join(root, "commands/main.ts"),
      ...args,
    ],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs to the end. */
export async function pipeline(args: readonly string[], root?: string): Promise<Finished> {
  const { code, stdout, stderr } = await pipelineCommand(args, root).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** What was made of a target: its key, digests of outputs by name, its summary and what went in. */
export interface Made {
  readonly key: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What a store has of a target. @param options They name recipe and store */
export async function madeOf(target: string, options: readonly string[]): Promise<Made> {
  const { code, stdout, stderr } = await pipeline(["why", target, "--json", ...options]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).instances[0];
}

/** Of that what two runs must have alike. */
export async function keyAndOutputs(
  target: string,
  options: readonly string[],
): Promise<Pick<Made, "key" | "outputs">> {
  const { key, outputs } = await madeOf(target, options);
  return { key, outputs };
}

/** A temporary folder that is gone when the test is over. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "dept-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** Digest of every output of every instance in a store, by instance: what two runs must agree on. */
export function outputDigests(store: string): Record<string, Record<string, string>> {
  const manifests = [...Deno.readDirSync(join(store, "manifests"))]
    .filter((entry) => entry.name.endsWith(".json"))
    .map((entry) => JSON.parse(Deno.readTextFileSync(join(store, "manifests", entry.name))));
  return Object.fromEntries(
    manifests.map((manifest) => [manifest.instance, manifest.outputs])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
