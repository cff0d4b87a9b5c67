/**
 * `assembly/` as a program with memory of its own, for `text_scripts.ts` and `readers/row_texts.ts`.
 */
import { assemblyCode } from "./assembly_code.ts";

/** Functions of `assembly/`; its other exports are variables. Places in memory are numbers. */
interface Functions {
  textOfRow(from: number, to: number, out: number): number;
  count(at: number, end: number): number;
}

const pageBytes = 65_536;
/** Memory before belongs to the program itself. */
const firstPlace = 4096;
/** Vectors are read and written whole, so that what follows a text is touched too. */
const slack = 64;

let compiled: WebAssembly.Module | undefined;

export class DocumentProgram {
  readonly functions: Functions;
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #variables: Record<string, WebAssembly.Global>;
  #bytes: Uint8Array<ArrayBuffer>;
  #top = firstPlace;

  constructor() {
    compiled ??= new WebAssembly.Module(Uint8Array.fromBase64(assemblyCode));
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.functions = exports as WebAssembly.Exports & Functions;
    this.#variables = exports as Record<string, WebAssembly.Global>;
    this.#bytes = new Uint8Array(this.#memory.buffer as ArrayBuffer);
  }

  /** All of its memory; another array after `reserve`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get(name: string): number {
    return this.#variables[name].value;
  }

  set(values: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(values)) this.#variables[name].value = value;
  }

  /** The place of so many bytes that are not yet taken, with room after them that may be touched. */
  reserve(bytes: number): number {
    const place = this.#top;
    this.#top = Math.ceil((place + bytes + slack) / slack) * slack;
    const pages = Math.ceil((this.#top - this.#bytes.length) / pageBytes);
    if (pages > 0) {
      this.#memory.grow(pages);
      this.#bytes = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    }
    return place;
  }

  /** Gives back what was reserved from `place` on. */
  release(place: number): void {
    this.#top = place;
  }
}
