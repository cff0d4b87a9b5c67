/**
 * A process that works through many things and says so line by line: it may end or hang at any of them, and whoever reads goes on.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { wholeLines } from "../../base/mod.ts";
import { projectRoot } from "./paths.ts";

/** A module run in a process of its own, which prints a line for each thing that it does. */
export class LineProcess implements Disposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #pending: Promise<IteratorResult<string>> | undefined;

  /** @param module URL of what runs, in the folder of `deno.json`. */
  constructor(module: string, args: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--config",
        join(projectRoot, "deno.json"),
        fileURLToPath(module),
        ...args,
      ],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = wholeLines(this.#child.stdout);
  }

  /** The next line; undefined at the end, "silent" when none came in time. */
  async next(timeoutMs: number): Promise<string | undefined> {
    this.#pending ??= this.#lines.next();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<"silent">((resolve) =>
      timer = setTimeout(() => resolve("silent"), timeoutMs)
    );
    const result = await Promise.race([this.#pending, silence]);
    clearTimeout(timer);
    if (result === "silent") return result;
    this.#pending = undefined;
    return result.done ? undefined : result.value;
  }

  async end(): Promise<string> {
    const [{ code }, stderr] = await Promise.all([
      this.#child.status,
      new Response(this.#child.stderr).text(),
    ]);
    return `code ${code}, ${stderr.slice(-400)}`;
  }

  [Symbol.dispose](): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    if (!this.#child.stderr.locked) this.#child.stderr.cancel().catch(() => {});
  }
}
