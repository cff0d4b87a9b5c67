/**
 * A process of the command line that starts again when it was killed, with a line of its own to the server.
 */
import type { HarmedServer } from "./harmed_places.ts";
import { TalkingProcess } from "./talking_process.ts";
import { TcpProxy } from "./tcp_proxy.ts";

/** How a party reaches an exchange. */
export interface Line {
  readonly url: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Leads to the server; absent where there is none. */
  readonly link?: TcpProxy;
}

/** A line to a new exchange of a server, or the exchange of a folder. @param exchange Its name at the server */
export function lineTo(
  server: HarmedServer | undefined,
  exchange: string,
  folder: string,
): Line {
  if (server === undefined) return { url: `folder:${folder}/exchange`, environment: {} };
  const link = new TcpProxy(server.port);
  return { ...server.reach(exchange, link.port), link };
}

/** Patience with a party that has nothing more to do. */
const mostEndMs = 900_000;

export class Party implements Disposable {
  readonly #args: readonly string[];
  readonly #link: TcpProxy | undefined;
  readonly #environment: Readonly<Record<string, string>>;
  #process: TalkingProcess;
  #said = "";
  hasEnded = false;
  isCut = false;
  isAsleep = false;

  /** @param line Its own to the server; absent where there is none */
  constructor(
    args: readonly string[],
    line: Partial<Pick<Line, "link" | "environment">>,
  ) {
    this.#args = args;
    this.#link = line.link;
    this.#environment = line.environment ?? {};
    this.#process = this.#start();
  }

  /** What its processes have said. */
  get text(): string {
    return this.#said + this.#process.text;
  }

  get isTraining(): boolean {
    return /trains [^\n]*\n[^\n]*$/.test(this.#process.text);
  }

  says(pattern: RegExp): Promise<void> {
    return this.#process.says(pattern);
  }

  async restart(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.ended;
    this.#said = `${this.text}-- killed\n`;
    this.#process = this.#start();
  }

  /** Cuts its line, or lets nothing through, for a while. */
  async cutOff(isSilent: boolean, ms: number): Promise<void> {
    this.isCut = true;
    if (isSilent) this.#link!.silence();
    else this.#link!.cut();
    await sleep(ms);
    this.#link!.mend();
    this.isCut = false;
  }

  /** Stops its processes where they are, for a while. */
  async sleep(ms: number): Promise<void> {
    this.isAsleep = true;
    const sleeping = this.#process;
    sleeping.pause();
    await sleep(ms);
    sleeping.goOn();
    this.isAsleep = false;
  }

  /** Waits until it ends by itself. Returns its exit code; "never" if it does not. */
  async end(): Promise<number | "never"> {
    const timer = Promise.withResolvers<"never">();
    const id = setTimeout(() => timer.resolve("never"), mostEndMs);
    const ended = this.#process.ended.then(({ code }) => code);
    try {
      return await Promise.race([ended, timer.promise]);
    } finally {
      clearTimeout(id);
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
    this.#link?.[Symbol.dispose]();
  }

  #start(): TalkingProcess {
    const process = new TalkingProcess(this.#args, this.#environment);
    process.ended.then(({ signal }) => this.hasEnded ||= signal === null);
    return process;
  }
}

/** What all have said, for messages. */
export function textOf(parties: Readonly<Record<string, Party>>): string {
  return Object.entries(parties).map(([name, { text }]) => `== ${name}\n${text}`).join("\n");
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
