/**
 * What a process has printed before it died without a message: of native code that gives up, its reason, else the last lines.
 */

const mostLines = 5;

export class LastWords {
  readonly #last: string[] = [];
  /** Place and reason of the first panic; backtraces follow, and further ones. */
  readonly #panic: string[] = [];

  note(line: string): void {
    if (this.#panic.length === 1 || (this.#panic.length === 0 && / panicked at /.test(line))) {
      this.#panic.push(line);
    }
    this.#last.push(line);
    if (this.#last.length > mostLines) this.#last.shift();
  }

  /** Empty if nothing was said. */
  get text(): string {
    return (this.#panic.length > 0 ? this.#panic : this.#last).join("\n");
  }
}
