/**
 * A link between a client and a server on this machine, which a test cuts and mends.
 */

export class TcpProxy implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: number;
  readonly #connections = new Set<Deno.Conn>();
  #state: "whole" | "cut" | "silent" = "whole";
  #bytes = 0;
  #onBytes: { readonly from: number; act(): void } | undefined;

  readonly #rates: Rates | undefined;
  /** When the line is free in each direction: all connections share it. */
  readonly #freeAtMs = { up: 0, down: 0 };

  /** @param target The port of the server. @param rates Default: as fast as the machine. */
  constructor(target: number, rates?: Rates) {
    [this.#target, this.#rates] = [target, rates];
    this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Drops what is open, and whatever is opened from now on. */
  cut(): void {
    this.#state = "cut";
    this.#closeAll();
  }

  /** Lets nothing through, and says nothing. */
  silence(): void {
    this.#state = "silent";
  }

  mend(): void {
    if (this.#state === "silent") this.#closeAll(); // what they have swallowed is lost
    this.#state = "whole";
  }

  /** Acts once so many more bytes have passed. */
  after(bytes: number, act: () => void): void {
    this.#onBytes = { from: this.#bytes + bytes, act };
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.#closeAll();
  }

  #closeAll(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) this.#join(client);
    } catch { /* the proxy has ended */ }
  }

  async #join(client: Deno.Conn): Promise<void> {
    if (this.#state === "cut") return close(client);
    this.#connections.add(client);
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#connections.add(server);
      await Promise.all([
        this.#carry(client, server, "up"),
        this.#carry(server, client, "down"),
      ]);
    } catch {
      close(client); // the server is away
    }
  }

  /** Waits until bytes have passed the line. */
  async #pass(bytes: number, direction: keyof Rates): Promise<void> {
    if (this.#rates === undefined) return;
    const nowMs = performance.now();
    const endMs = Math.max(nowMs, this.#freeAtMs[direction]) + bytes / this.#rates[direction];
    this.#freeAtMs[direction] = endMs;
    await new Promise((resolve) => setTimeout(resolve, endMs - nowMs));
  }

  async #carry(from: Deno.Conn, to: Deno.Conn, direction: keyof Rates): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    try {
      for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
        if (this.#state === "silent") continue;
        this.#bytes += n;
        await this.#pass(n, direction);
        for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
        if (this.#onBytes !== undefined && this.#bytes > this.#onBytes.from) {
          const { act } = this.#onBytes;
          this.#onBytes = undefined;
          act();
        }
      }
    } catch { /* cut */ }
    close(from);
    close(to);
  }
}

/** Bytes in a millisecond, from the client and to it. */
interface Rates {
  readonly up: number;
  readonly down: number;
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch { /* closed before */ }
}
