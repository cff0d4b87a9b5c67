/**
 * A SentencePiece model as a `tokenizer.json`, with the same ids, for programs that read only that.
 *
 * Other programs differ where text looks like a piece with a part of its own (`</s>`, `<0x0A>`): they take it for that
 * piece. Ties between equally likely ways to write a text may go another way there. They decode the unknown piece to
 * nothing, as they do all special pieces; SentencePiece, and so we, to ` ⁇ `.
 *
 * Source: Hugging Face `transformers`, `convert_slow_tokenizer.py`, `SpmConverter`.
 */
import { Buffer } from "node:buffer";
import { writeFileAtomic } from "../../base/mod.ts";
import { pieceKinds, type SentencePieceModel } from "./model_file.ts";

/** Writes a `tokenizer.json`. Throws as `modelJson` does. */
export function saveModelJson(path: string, model: SentencePieceModel): void {
  writeFileAtomic(path, modelJson(model));
}

/** The text of a `tokenizer.json`. @throws RangeError for a model that its format has no words for */
export function modelJson(model: SentencePieceModel): string {
  const { pieces, normalizer, byteFallback } = model;
  const obstacle = model.whitespaceIsSuffix
    ? "white space behind words"
    : !normalizer.escapeWhitespaces
    ? "spaces that are no ▁"
    : (model.denormalizer?.charsmap.length ?? 0) > 0
    ? "rules of its own for decoding"
    : pieces.some(({ kind }) => kind === pieceKinds.userDefined || kind === pieceKinds.unused)
    ? "user-defined or unused pieces"
    : undefined;
  if (obstacle !== undefined) {
    throw new RangeError(
      `Cannot write a tokenizer.json: expected a model that the format can say, found one with ${obstacle}`,
    );
  }
  const unknown = pieces.findIndex(({ kind }) => kind === pieceKinds.unknown);
  const special = pieces.flatMap(({ text, kind }, id) =>
    kind === pieceKinds.control || kind === pieceKinds.unknown
      ? [{ id, content: text, single_word: false, lstrip: false, rstrip: false, normalized: false }]
      : []
  ).map((token) => ({ ...token, special: true }));
  const isStripped = normalizer.addDummyPrefix || normalizer.removeExtraWhitespaces;
  const file = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: { type: "Sequence", normalizers: normalizers(model) },
    pre_tokenizer: {
      type: "Metaspace",
      replacement: "▁",
      prepend_scheme: "never",
      split: false,
    },
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...isStripped ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [],
      ],
    },
  };
  const vocab = pieces.map(({ text, score }) => JSON.stringify([text, score]));
  const parameters = JSON.stringify({
    type: "Unigram",
    unk_id: unknown,
    byte_fallback: byteFallback,
  });
  return `${JSON.stringify(file).slice(0, -1)},\n"model":${parameters.slice(0, -1)},"vocab":[\n${
    vocab.join(",\n")
  }\n]}}\n`;
}

/** What is done to text: rules, then white space. */
function normalizers({ normalizer }: SentencePieceModel) {
  const { charsmap, removeExtraWhitespaces, addDummyPrefix } = normalizer;
  // There `^` and `$` would stand for every line's ends.
  const replace = (pattern: string, content: string) => ({
    type: "Replace",
    pattern: { Regex: pattern },
    content,
  });
  const rules = {
    type: "Precompiled",
    precompiled_charsmap: Buffer.from(charsmap).toString("base64"),
  };
  return [
    ...charsmap.length > 0 ? [rules] : [],
    ...removeExtraWhitespaces ? [replace(" {2,}", " "), replace("\\A | \\z", "")] : [],
    ...addDummyPrefix ? [replace("\\A(?=[\\s\\S])", " ")] : [],
  ];
}
