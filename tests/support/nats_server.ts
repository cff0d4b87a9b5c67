/**
 * A server of NATS for tests: Debian's `nats-server`, with JetStream, over TLS, on a free port.
 */
import { join } from "node:path";
import type { NatsAccess } from "../../exchange/mod.ts";
import { temporaryFolder } from "./command_line.ts";
import { freePort } from "./free_port.ts";
import { areInstalled, programFile } from "./installed.ts";
import { makeCertificate } from "./test_certificate.ts";

/** Debian puts the server where only superusers look. */
const serverFile = () => programFile("nats-server", ["/usr/sbin"]);

/** Why there can be no server here; undefined where there can. */
export function whyNoNatsServer(): string | undefined {
  return serverFile() !== undefined && areInstalled(["openssl"])
    ? undefined
    : "needs Debian's nats-server openssl";
}

/** A server that runs until it is disposed of. */
export class NatsServer implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  #process: Deno.ChildProcess | undefined;

  private constructor(readonly port: number) {}

  /** Starts a server: less than a second. @param configuration Its accounts, as the configuration's keys have them */
  static async start(configuration: Readonly<Record<string, unknown>>): Promise<NatsServer> {
    const server = new NatsServer(freePort());
    const folder = server.#folder.path;
    await makeCertificate(folder);
    const lines = Object.entries({
      listen: `127.0.0.1:${server.port}`,
      tls: { cert_file: join(folder, "server.pem"), key_file: join(folder, "server.key") },
      jetstream: { store_dir: join(folder, "streams"), max_mem: 64 << 20, max_file: 8e9 },
      ...configuration,
    }).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
    Deno.writeTextFileSync(join(folder, "nats.conf"), lines.join(""));
    try {
      await server.serve();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  url(prefix: string): string {
    return `tls://127.0.0.1:${this.port}/${prefix}`;
  }

  /** Access that trusts the server. */
  trusted(access: NatsAccess): NatsAccess {
    const certificates = Deno.readTextFileSync(join(this.#folder.path, "ca.pem"));
    return { ...access, certificates };
  }

  /** Ends the server as a crash does. What it has acknowledged stays. */
  async kill(): Promise<void> {
    try {
      this.#process?.kill("SIGKILL");
    } catch { /* it has ended by itself */ }
    await this.#process?.status;
    this.#process = undefined;
  }

  /** Removes all that a server which was killed has kept. */
  async wipe(): Promise<void> {
    await Deno.remove(join(this.#folder.path, "streams"), { recursive: true });
  }

  /** Starts the server, on the same port. */
  async serve(): Promise<void> {
    const args = ["-c", join(this.#folder.path, "nats.conf"), "-l", join(this.#folder.path, "log")];
    this.#process = new Deno.Command(serverFile()!, { args, stdin: "null" }).spawn();
    let status: Deno.CommandStatus | undefined;
    this.#process.status.then((ended) => status = ended);
    for (const until = Date.now() + 120_000;;) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
        return;
      } catch (cause) {
        if (status !== undefined || Date.now() > until) {
          throw new Error("Cannot start nats-server", { cause }); // which has said why
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.#folder[Symbol.dispose]();
  }
}
