/**
 * Finds texts that are pieces wherever they stand.
 */

/** Of several symbols that fit at a place, the longest. */
export class SymbolFinder<Symbol extends { readonly bytes: Uint8Array }> {
  /** By first byte, longest first. */
  readonly #symbols: (Symbol[] | undefined)[] = [];

  /** @param symbols UTF-8 of each, not empty */
  constructor(symbols: readonly Symbol[]) {
    for (const symbol of symbols.toSorted((a, b) => b.bytes.length - a.bytes.length)) {
      (this.#symbols[symbol.bytes[0]] ??= []).push(symbol);
    }
  }

  /** The symbol that `text[at … end]` begins with. */
  at(text: Uint8Array, at: number, end: number): Symbol | undefined {
    return this.#symbols[text[at]]?.find(({ bytes }) =>
      bytes.length <= end - at && bytes.every((byte, i) => byte === text[at + i])
    );
  }
}
