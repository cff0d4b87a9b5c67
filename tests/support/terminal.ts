/**
 * A real terminal for tests: tmux, without a screen.
 */
import { join } from "node:path";
import { shellWord } from "../../base/mod.ts";
import { projectRoot } from "./paths.ts";

/** Why there is no terminal here. */
export const whyNoTerminal: string | undefined = tmux("-V").success
  ? undefined
  : "needs tmux: apt-get install -y tmux";

/** What a terminal shows after the command's exit code. */
const end = "THE END ";

export class Terminal implements Disposable {
  readonly #socket = `dept-test-${crypto.randomUUID()}`;

  /** @param folder Takes a script that runs the command in the project's folder. */
  constructor(folder: string, command: readonly string[], columns = 150) {
    const script = join(folder, `${this.#socket}.sh`);
    Deno.writeTextFileSync(
      script,
      `trap : INT\ncd '${projectRoot}'\nNO_COLOR=1 ${
        command.map(shellWord).join(" ")
      }\necho "${end}$?"\nwhile :; do sleep 3600; done\n`,
    );
    this.#tmux("new-session", "-d", "-x", `${columns}`, "-y", "40", `sh '${script}'`);
  }

  press(key: string): void {
    this.#tmux("send-keys", key);
  }

  resize(columns: number): void {
    this.#tmux("resize-window", "-x", `${columns}`, "-y", "40");
  }

  /** All that it shows and has scrolled away. */
  text(): string {
    return this.#tmux("capture-pane", "-p", "-S", "-2000");
  }

  /** The exit code of the command; undefined while it runs. */
  exitCode(): number | undefined {
    const found = new RegExp(`^${end}(\\d+)$`, "m").exec(this.text());
    return found === null ? undefined : Number(found[1]);
  }

  [Symbol.dispose](): void {
    tmux("-L", this.#socket, "kill-server"); // which may have ended
  }

  #tmux(...args: string[]): string {
    const { success, text, error } = tmux("-L", this.#socket, "-f", "/dev/null", ...args);
    if (!success) throw new Error(`tmux ${args[0]} failed: ${error}`);
    return text;
  }
}

function tmux(...args: string[]): { success: boolean; text: string; error: string } {
  try {
    const { success, stdout, stderr } = new Deno.Command("tmux", { args }).outputSync();
    const [text, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { success, text, error };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { success: false, text: "", error: "" };
    throw error;
  }
}
