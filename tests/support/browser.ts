/**
 * Debian's Chromium without a screen, over its own protocol: what a page asks for, complains about and shows.
 */
import { existsSync } from "node:fs";

const programs = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

/** The browser of this machine; undefined if there is none. */
export const browserProgram: string | undefined = programs.find((path) => existsSync(path));

interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly isDark?: boolean;
  readonly isPrint?: boolean;
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A page that is open in a browser of its own. */
export class BrowserPage implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #sent = 0;
  /** Errors and warnings of the console, exceptions, and what the browser refuses. */
  readonly problems: string[] = [];
  /** Everything that was asked for, by its address. */
  readonly requests: string[] = [];

  private constructor(process: Deno.ChildProcess, folder: string, socket: WebSocket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
  }

  /** Starts a browser with an empty page of a size. */
  static async open({ width = 1280, height = 900, isDark, isPrint }: PageOptions = {}) {
    const folder = Deno.makeTempDirSync({ prefix: "dept-browser-" });
    const args = [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio"],
      ...["--no-first-run", "--disable-extensions", "--disable-background-networking"],
      ...["--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank"],
    ];
    const process = new Deno.Command(browserProgram!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const address = await listening(process.stderr);
    const [target] = await (await fetch(`http://${new URL(address).host}/json/list`)).json();
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("Cannot speak to the browser"));
    });
    const page = new BrowserPage(process, folder, socket);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.call(`${domain}.enable`);
    await page.call("Emulation.setDeviceMetricsOverride", {
      ...{ width, height, deviceScaleFactor: 1, mobile: width < 600 },
    });
    await page.call("Emulation.setEmulatedMedia", {
      media: isPrint ? "print" : "",
      features: [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }],
    });
    return page;
  }

  /** Goes to an address and waits until the page is loaded. */
  async goTo(url: string): Promise<void> {
    await this.call("Page.navigate", { url });
    await this.until("document.readyState === 'complete' && location.href !== 'about:blank'");
  }

  /** The value of an expression in the page; it may be a promise. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      ...{ expression, awaitPromise: true, returnByValue: true },
    }) as { result: { value: Value }; exceptionDetails?: { exception?: { description?: string } } };
    if (exceptionDetails === undefined) return result.value;
    throw new Error(`The page threw: ${exceptionDetails.exception?.description}`);
  }

  /** Waits until an expression holds. @throws Error after two minutes */
  async until(expression: string): Promise<void> {
    for (let waited = 0; waited < 120_000; waited += 50) {
      if (await this.evaluate(expression)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Waited in vain until ${expression}`);
  }

  /** Presses a key, as `Tab`. */
  async press(key: string): Promise<void> {
    for (const type of ["keyDown", "keyUp"]) {
      await this.call("Input.dispatchKeyEvent", {
        type,
        key,
        code: key,
        windowsVirtualKeyCode: key === "Tab" ? 9 : 27,
      });
    }
  }

  /** A picture of a part of the page, in pixels from its top, as PNG. */
  async picture(top: number, height: number, width: number): Promise<Uint8Array> {
    const { data } = await this.call("Page.captureScreenshot", {
      captureBeyondViewport: true,
      clip: { x: 0, y: top, width, height, scale: 1 },
    });
    return Uint8Array.from(atob(data as string), (it) => it.charCodeAt(0));
  }

  async call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#sent;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result ?? {};
  }

  #hear({ id, method, params = {}, ...answer }: Answer): void {
    if (id !== undefined) {
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    }
    // deno-lint-ignore no-explicit-any -- as the protocol has them
    const { type, args, entry, exceptionDetails, request } = params as any;
    if (method === "Network.requestWillBeSent") this.requests.push(request.url);
    if (method === "Log.entryAdded") this.problems.push(`${entry.source}: ${entry.text}`);
    if (method === "Runtime.exceptionThrown") this.problems.push(exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(type)) {
      this.problems.push(JSON.stringify(args));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Asked, not killed: what was started may be a script that waits for the browser.
    const ended = this.#process.status;
    this.call("Browser.close").catch(() => {});
    await ended;
    this.#socket.close();
    await this.#process.stderr.cancel().catch(() => {});
    for (let attempt = 0; attempt < 50; attempt++) {
      try {
        return Deno.removeSync(this.#folder, { recursive: true });
      } catch { // a helper process still writes
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** The address that the browser says it listens at. */
async function listening(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stderr.getReader();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The browser ended: ${said}`);
    said += new TextDecoder().decode(value);
    const found = /DevTools listening on (ws:\S+)/.exec(said);
    if (found === null) continue;
    reader.releaseLock();
    return found[1];
  }
}
