/**
 * A tokenizer cut to some of its pieces: that of a source whose table has the rows V_k only.
 */
import { firstByteId, specialPieces } from "../tokenizer.ts";
import { UnigramTokenizer } from "./unigram_tokenizer.ts";

/**
 * Keeps some ids of a tokenizer, whose order stays: row `i` becomes id `i`. Text whose best pieces are all kept has the same pieces;
 * other text is written with those that are left.
 *
 * Source: DEPT §2.2, V_k.
 * @param rows Ids in ascending order. @throws RangeError unless all special and byte pieces are among them
 */
export function cutTokenizer(tokenizer: UnigramTokenizer, rows: Int32Array): UnigramTokenizer {
  const { settings, layout, learned, vocabSize } = tokenizer;
  const kept = new Set(rows);
  const reserved = settings.byteFallback ? firstByteId + 256 : specialPieces.length;
  for (let id = 0; id < reserved; id++) {
    if (kept.has(id)) continue;
    throw new RangeError(
      `Cannot cut a tokenizer: expected all special and byte pieces (0 to ${
        reserved - 1
      }) to stay, found ${id} missing`,
    );
  }
  const last = rows[rows.length - 1];
  if (last >= vocabSize || rows.some((id, i) => i > 0 && rows[i - 1] >= id)) {
    throw new RangeError(
      `Cannot cut a tokenizer: expected ascending ids below ${vocabSize}, found another order or ${last}`,
    );
  }
  return new UnigramTokenizer(learned.filter((_, i) => kept.has(layout.learned + i)), {
    ...settings,
    controlSymbols: settings.controlSymbols.filter((_, i) => kept.has(layout.control + i)),
    userDefinedSymbols: settings.userDefinedSymbols.filter((_, i) =>
      kept.has(layout.userDefined + i)
    ),
  });
}
