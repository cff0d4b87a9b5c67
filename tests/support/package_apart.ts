/** Programs with an npm package that this project does not depend on: each runs in a process of its own, without our configuration. */
import { fromFileUrl } from "./paths.ts";

/** This project's configuration and lock file know nothing of the package. */
const apart = ["--quiet", "--no-config", "--no-lock"];

/** Fetches a package unless it is there. Returns why it cannot be had, or undefined. */
export async function packageMissing(specifier: string): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", ...apart, specifier],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return undefined;
  return `${specifier}: ${new TextDecoder().decode(stderr).trim().split("\n")[0]}`;
}

/** Runs a program with JSON on its standard input. Returns what it writes, JSON too. */
export async function runApart(program: URL, request: unknown): Promise<unknown> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...apart, fromFileUrl(program)],
    env: { NO_COLOR: "1", ORT_DISABLE_TELEMETRY: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(request)));
  await input.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
