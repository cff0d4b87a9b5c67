/**
 * How the settings of a vocabulary encode text: in which words, after which normalisation, around which symbols.
 */
import { normalizerOf } from "./normalizer.ts";
import { idLayout, isPlain, type UnigramSettings } from "./settings.ts";
import type { TextNormalizer, TextOptions } from "./text_encoder.ts";
import type { EncoderOptions } from "./unigram_encoder.ts";

/** What a `UnigramTextEncoder` is made with beside its pieces. */
export function encodingOf(settings: UnigramSettings): [EncoderOptions, TextOptions] {
  const { userDefined } = idLayout(settings);
  return [
    { words: settings.splitByWhitespace ? "white-space" : "stretches" },
    {
      normalizer: isPlain(settings) ? undefined : { normalize: normalizerOfBytes(settings) },
      symbols: settings.userDefinedSymbols.map((text, i) => ({
        bytes: new TextEncoder().encode(text),
        id: userDefined + i,
      })),
    },
  ];
}

/** Gives normal forms without the origins of characters. */
function normalizerOfBytes(settings: UnigramSettings): TextNormalizer["normalize"] {
  const normalize = normalizerOf(settings);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return (bytes, start, end, out) =>
    out.loadText(normalize(decoder.decode(bytes.subarray(start, end))));
}
