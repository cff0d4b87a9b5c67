/**
 * Tells a process what it may access, each time that it asks. Deno sends every check to the socket that `DENO_PERMISSION_BROKER_PATH`
 * names and goes by the answer alone, so a process that runs one instance after the other has the permissions of the one at work.
 *
 * Such a process is started without any permission: a runtime that knew of no broker would refuse everything.
 */
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { lines, removeQuietly } from "../../base/mod.ts";
import type { GivenPaths } from "../permissions.ts";

/** A check, as Deno sends it on a line of its own. */
export interface PermissionCheck {
  readonly id: number;
  readonly permission: string;
  /** What is to be accessed; null for everything of a kind. */
  readonly value: string | null;
}

/** The broker of one process. */
export class PermissionBroker {
  /** What the instance at work is given; undefined between instances. */
  given: GivenPaths | undefined;
  readonly #folder = Deno.makeTempDirSync({ prefix: "dept-" });
  readonly #listener: Deno.UnixListener;
  #isListening = true;
  #connection: Deno.UnixConn | undefined;

  /** @throws Error where no socket can be made: the path of the folder for temporary files is too long, for one */
  constructor() {
    try {
      this.#listener = Deno.listen({ transport: "unix", path: this.#path });
    } catch (error) {
      removeQuietly(this.#folder);
      throw error;
    }
    this.#serve().catch(() => {}); // the process ends where nobody answers
  }

  get #path(): string {
    return join(this.#folder, "permissions");
  }

  /** By this the process finds its broker. */
  get environment(): Readonly<Record<string, string>> {
    return { DENO_PERMISSION_BROKER_PATH: this.#path };
  }

  /** For when the process has ended. */
  close(): void {
    this.#stopListening();
    try {
      this.#connection?.close();
    } catch { /* the process has closed it */ }
  }

  async #serve(): Promise<void> {
    // The process connects once, as it starts.
    const connection = this.#connection = await this.#listener.accept();
    this.#stopListening();
    const writer = connection.writable.getWriter();
    const encoder = new TextEncoder();
    for await (const line of lines(connection.readable)) {
      const check: PermissionCheck = JSON.parse(line);
      const result = isGiven(check, this.given) ? "allow" : "deny";
      await writer.write(encoder.encode(`${JSON.stringify({ id: check.id, result })}\n`));
    }
  }

  #stopListening(): void {
    if (!this.#isListening) return;
    this.#isListening = false;
    this.#listener.close();
    removeQuietly(this.#folder); // now: a runner that is killed later leaves nothing there
  }
}

/**
 * Whether a check is of a path that was given, or of one below it. All else is refused: there is no environment, and no folder for
 * temporary files, as these checks do not say which folder it is.
 */
export function isGiven(
  { permission, value }: PermissionCheck,
  given: GivenPaths | undefined,
): boolean {
  if (given === undefined || value === null) return false;
  if (permission !== "read" && permission !== "write") return false;
  const path = value.startsWith("file:") ? fileURLToPath(value) : value;
  // What is no path from the root on, as it is written, might lead elsewhere.
  if (normalize(path) !== path) return false;
  return given[permission].some((one) => path === one || path.startsWith(`${one}/`));
}
