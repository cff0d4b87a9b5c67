/**
 * Lines at the end of a terminal that are drawn again in place.
 */

/** Where lines are drawn. */
export interface Terminal {
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): void;
}

/** The size of a terminal that does not tell it. */
const usualSize = { columns: 80, rows: 24 };

/** The size of this process's terminal; a usual one where there is none, or it tells nonsense, as new terminals do. */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 1 && rows > 1 ? { columns, rows } : usualSize;
  } catch {
    return usualSize;
  }
}

export class LiveLines {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * Draws lines below all that was written, cut to the terminal's width; of more than it has room for, the first.
   * @param lasting Whole lines that stay above them. All goes out in one write, so that nobody sees a half of it.
   */
  draw(lines: readonly string[], lasting = ""): void {
    const before = this.#clearing() + lasting;
    const { columns, rows } = this.#terminal.size();
    const room = rows - 1; // the cursor stands below
    const shown = lines.length <= room
      ? lines
      : [...lines.slice(0, room - 1), `  … and ${lines.length - room + 1} more`];
    this.#drawn = shown.map((text) => cut(text, columns - 1));
    const text = before + this.#drawn.map((text) => `${text}\n`).join("");
    if (text !== "") this.#terminal.write(text);
  }

  clear(): void {
    const text = this.#clearing();
    this.#drawn = [];
    if (text !== "") this.#terminal.write(text);
  }

  /** What takes the lines away that are drawn. */
  #clearing(): string {
    const { columns, rows } = this.#terminal.size();
    const taken = this.#drawn.reduce((sum, text) => sum + rowsOf(text, columns), 0);
    // What a terminal that was made smaller has pushed out above cannot be reached.
    return taken === 0 ? "" : `\x1b[${Math.min(taken, rows - 1)}A\r\x1b[J`;
  }
}

/**
 * Rows that a line takes that was drawn when the terminal was wider: terminals wrap it. The few that cut it instead (xterm) lose
 * some lines above, once.
 */
export function rowsOf(text: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(text) / columns));
}

/** As much of a text as has room. */
export function cut(text: string, columns: number): string {
  let width = 0;
  let end = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > columns) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Columns of a text: East Asian characters and pictures take two, marks on others none. Source: Unicode Annex 11 */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}|\p{Cf}/u.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
