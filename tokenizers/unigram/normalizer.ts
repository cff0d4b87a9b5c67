/**
 * Normalisation of text before it is cut into words.
 *
 * Source: Unicode Standard Annex 15 (NFC, NFKC); `nmt_nfkc` as in SentencePiece (`Builder::BuildNmtNFKCMap`): NFKC, but
 * the full-width tilde stays; control characters go; line ends, tabs, other spaces and invisible marks become spaces.
 * Differs: NFKC is that of the whole text, where SentencePiece's map looks at a few characters at a time and so leaves some
 * rare sequences of combining marks as they are; and it knows the Unicode version of the runtime, not of 2020.
 */

export const normalizationRules = ["identity", "nfc", "nfkc", "nmt_nfkc"] as const;

export type NormalizationRule = typeof normalizationRules[number];

export interface NormalizerOptions {
  readonly normalizationRule: NormalizationRule;
  readonly removeExtraWhitespaces: boolean;
  readonly addDummyPrefix: boolean;
}

const fullWidthTilde = "\uff5e";

/** A function that normalises a text. With `identity` and neither flag it gives the text itself. */
export function normalizerOf(options: NormalizerOptions): (text: string) => string {
  const { normalizationRule, removeExtraWhitespaces, addDummyPrefix } = options;
  const rule = ruleOf(normalizationRule);
  if (!removeExtraWhitespaces && !addDummyPrefix) return rule;
  return (text) => {
    let result = rule(text);
    if (removeExtraWhitespaces) result = result.replace(/ {2,}/g, " ").replace(/^ | $/g, "");
    return addDummyPrefix && result !== "" && !result.startsWith(" ") ? " " + result : result;
  };
}

/** A function that applies a rule to a text. */
export function ruleOf(rule: NormalizationRule): (text: string) => string {
  switch (rule) {
    case "identity":
      return (text) => text;
    case "nfc":
      return (text) => text.normalize("NFC");
    case "nfkc":
      return (text) => text.normalize("NFKC");
    case "nmt_nfkc":
      return (text) => text.split(fullWidthTilde).map(nmtNfkc).join(fullWidthTilde);
    default:
      return rule satisfies never;
  }
}

/** Control characters that `nmt_nfkc` removes, as a regular expression of any library. */
export const nmtRemoved = "[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]";
/** What it makes spaces. */
export const nmtSpaces = "[\t\n\f\r\u1680\u200b\u200c\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd]";

function nmtNfkc(text: string): string {
  return text.replace(new RegExp(nmtRemoved, "g"), "").replace(new RegExp(nmtSpaces, "g"), " ")
    .normalize("NFKC");
}
