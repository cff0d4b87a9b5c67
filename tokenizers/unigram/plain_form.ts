/**
 * The form of `tokenizer.json` that people read: a space is `▁`, a byte `<0x0A>`, a character without a piece goes to bytes.
 *
 * Other programs differ where text looks like the file's own signs: they take `</s>` or `<0x0A>` for those pieces, and a `▁` for a
 * space. transformers.js knows no way from characters to bytes for this kind of model: there `byte_level_form.ts` is right.
 */
import type { Json } from "../../base/mod.ts";
import { specialPieces } from "../tokenizer.ts";
import {
  dummyPrefixStrip,
  type FileForm,
  type FileLayout,
  fileLayout,
  inSequence,
  replacing,
} from "./file_form.ts";
import { byteName, unwritten, written } from "./pieces.ts";
import type { UnigramSettings } from "./settings.ts";

export const plainForm: FileForm = {
  name: "plain",
  isOf: () => true,
  // The first versions left the space of `addDummyPrefix` in front of a decoded text.
  layouts: (settings) =>
    settings.addDummyPrefix
      ? [layout(settings, []), layout(settings, [dummyPrefixStrip])]
      : [layout(settings, [])],
  reserved: (settings) =>
    [
      ...specialPieces,
      ...settings.byteFallback ? Array.from({ length: 256 }, (_, byte) => byteName(byte)) : [],
      ...settings.controlSymbols,
      ...settings.userDefinedSymbols.map(written),
    ].map((piece) => [piece, 0]),
  write: written,
  read(piece) {
    if (piece.includes(" ")) throw new RangeError("spaces written as ▁");
    return unwritten(piece);
  },
};

function layout(settings: UnigramSettings, lastDecoders: readonly Json[]): FileLayout {
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: false };
  return fileLayout(settings, {
    normalizer: normalizer(settings),
    letters: metaspace,
    decoder: {
      type: "Sequence",
      decoders: [metaspace, { type: "ByteFallback" }, { type: "Fuse" }, ...lastDecoders],
    },
    byteFallback: settings.byteFallback,
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
      nmt_nfkc: [{ type: "Nmt" }, { type: "NFKC" }],
    }[normalizationRule],
    ...removeExtraWhitespaces ? [replacing(" {2,}", " "), replacing("\\A | \\z", "")] : [],
    ...addDummyPrefix ? [replacing("\\A(?=[^ ])", " ")] : [],
  ]);
}
