/**
 * The form of `tokenizer.json` that every reader of the format encodes alike: pieces are bytes, each written as a letter, as in
 * GPT-2's vocabulary (`Ġ` is a space). Text is made into these letters before it is segmented, so that no character lacks a piece.
 *
 * A character without a learned piece costs what it costs in our lattice, however many bytes it has: the first of its bytes takes all
 * of it, the others (0x80 … 0xBF, which stand at no other place) nothing. Where a learned piece is a single letter of ASCII, the
 * vocabulary has its name twice: readers encode with the later row, the learned one, and decode both.
 */
import type { Json } from "../../base/mod.ts";
import { specialPieces } from "../tokenizer.ts";
import {
  dummyPrefixStrip,
  type FileEntry,
  type FileForm,
  type FileLayout,
  fileLayout,
  inSequence,
  replacing,
} from "./file_form.ts";
import { nmtRemoved, nmtSpaces } from "./normalizer.ts";
import { byteNames } from "./pieces.ts";
import type { UnigramSettings } from "./settings.ts";

interface Alphabet {
  /** The letter of each byte. */
  readonly letters: readonly string[];
  readonly byteOf: ReadonlyMap<string, number>;
}

let made: Alphabet | undefined;

/** GPT-2's letters. Loading this module makes nothing. */
function alphabet(): Alphabet {
  if (made === undefined) {
    const [, letters] = byteNames();
    made = { letters, byteOf: new Map(letters.map((letter, byte) => [letter, byte])) };
  }
  return made;
}

export const byteLevelForm: FileForm = {
  name: "byte-level",
  isOf: (preTokenizer) => JSON.stringify(preTokenizer)?.includes('"ByteLevel"') === true,
  layouts: (settings) => [layout(settings)],
  reserved(settings, unknownScore) {
    // No text gives these rows: readers know them by their ids, and a path of bytes is always better.
    const notText = (piece: string): FileEntry => [
      piece,
      unknownScore * (2 + new TextEncoder().encode(piece).length),
    ];
    return [
      ...specialPieces.map(notText),
      ...alphabet().letters.map((
        letter,
        byte,
      ): FileEntry => [letter, isContinuation(byte) ? 0 : unknownScore]),
      ...settings.controlSymbols.map(notText),
      ...settings.userDefinedSymbols.map(notText),
    ];
  },
  write(text) {
    const { letters } = alphabet();
    return Array.from(new TextEncoder().encode(text), (byte) => letters[byte]).join("");
  },
  read(piece) {
    const { byteOf } = alphabet();
    const bytes = Array.from(piece, (letter) => byteOf.get(letter));
    if (bytes.includes(undefined)) throw new RangeError("letters that stand for bytes");
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      return decoder.decode(Uint8Array.from(bytes as number[]));
    } catch {
      throw new RangeError("letters that stand for well-formed text");
    }
  },
};

/**
 * Why a vocabulary has no such form: it ends "…, so that"; undefined if it has.
 */
export function whyNotByteLevel(settings: UnigramSettings): string | undefined {
  if (!settings.byteFallback) return "the vocabulary has no pieces for bytes (byteFallback)";
  // Readers decode each token by itself, and would take these letters for bytes.
  const { byteOf } = alphabet();
  const symbol = settings.userDefinedSymbols.find((text) =>
    Array.from(text).every((letter) => byteOf.has(letter)) && /[^\0-\x7f]/.test(text)
  );
  return symbol === undefined
    ? undefined
    : `the symbol ${
      JSON.stringify(symbol)
    } is written in letters that stand for bytes (userDefinedSymbols)`;
}

/** Whether a byte of UTF-8 goes on with a character. */
function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}

function layout(settings: UnigramSettings): FileLayout {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: false,
    use_regex: false,
  };
  return fileLayout(settings, {
    normalizer: normalizer(settings),
    letters: byteLevel,
    decoder: settings.addDummyPrefix
      ? { type: "Sequence", decoders: [byteLevel, dummyPrefixStrip] }
      : byteLevel,
    byteFallback: false,
  });
}

function normalizer(
  { normalizationRule, removeExtraWhitespaces, addDummyPrefix }: UnigramSettings,
): Json {
  return inSequence([
    ...{
      identity: [],
      nfc: [{ type: "NFC" }],
      nfkc: [{ type: "NFKC" }],
      // transformers.js has no step "Nmt".
      nmt_nfkc: [
        replacing(nmtRemoved, ""),
        replacing(nmtSpaces, " "),
        { type: "NFKC" },
      ],
    }[normalizationRule],
    ...removeExtraWhitespaces ? [replacing(" {2,}", " "), replacing("\\A | \\z", "")] : [],
    // An expression that finds a place and no text ends the process of the npm package tokenizers 0.23 before this step.
    ...addDummyPrefix ? [{ type: "Prepend", prepend: " " }, replacing("\\A  ", " ")] : [],
    // transformers.js puts a space before nothing, too.
    ...addDummyPrefix && removeExtraWhitespaces ? [replacing("\\A \\z", "")] : [],
  ]);
}
