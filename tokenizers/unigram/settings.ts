/**
 * The settings of a unigram vocabulary besides its learned pieces: a part of the training's config, kept in its file.
 */
import { firstByteId, specialPieces } from "../tokenizer.ts";
import type { UnigramConfig } from "./config.ts";

export type UnigramSettings = Pick<
  UnigramConfig,
  | "byteFallback"
  | "controlSymbols"
  | "userDefinedSymbols"
  | "normalizationRule"
  | "removeExtraWhitespaces"
  | "addDummyPrefix"
  | "splitByWhitespace"
>;

/** Where the kinds of pieces begin: special pieces, byte pieces, control symbols, symbols of the user, learned pieces. */
export interface IdLayout {
  /** Of byte 0; undefined without byte pieces. */
  readonly bytes: number | undefined;
  readonly control: number;
  readonly userDefined: number;
  readonly learned: number;
}

export function idLayout(settings: UnigramSettings): IdLayout {
  const control = specialPieces.length + (settings.byteFallback ? 256 : 0);
  const userDefined = control + settings.controlSymbols.length;
  return {
    bytes: settings.byteFallback ? firstByteId : undefined,
    control,
    userDefined,
    learned: userDefined + settings.userDefinedSymbols.length,
  };
}

/** Text is read as it stands. */
export function isPlain(settings: UnigramSettings): boolean {
  return settings.normalizationRule === "identity" && !settings.removeExtraWhitespaces &&
    !settings.addDummyPrefix;
}
