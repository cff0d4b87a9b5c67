/**
 * The log file of an instance: what its process prints and says, and how it ended.
 */
import { writeAll } from "../../base/mod.ts";
import { LastWords } from "../last_words.ts";
import type { ChildNews, ChildOutcome } from "./executor.ts";

export class ChildLog {
  readonly #file: Deno.FsFile;
  readonly #lastWords = new LastWords();

  /** @param beginning What the log says first */
  constructor(path: string, beginning: string) {
    this.#file = Deno.openSync(path, { append: true, create: true });
    this.#write(`-- ${beginning} ${new Date().toISOString()}`);
  }

  /** Of what was printed, the last, which may say why a process died. */
  get lastWords(): string {
    return this.#lastWords.text;
  }

  /** Notes a line that was printed. */
  printed(line: string): void {
    if (line === "") return;
    this.#write(line);
    this.#lastWords.note(line);
  }

  said(message: ChildNews): void {
    if (message.type !== "log") return;
    const fields = message.fields === undefined ? "" : ` ${JSON.stringify(message.fields)}`;
    this.#write(`${message.level}: ${message.message}${fields}`);
  }

  end(outcome: ChildOutcome): void {
    if (outcome.type === "failed") this.#write(outcome.stack ?? outcome.message);
    this.#write(`-- ${outcome.type}`);
    this.#file.close();
  }

  #write(line: string): void {
    writeAll(this.#file, `${line}\n`);
  }
}
