/**
 * The vocabulary a source trains with, and the map between its rows and the global ones.
 *
 * Source: DEPT §2.2, the selection matrix I_k; here as the list of its ones.
 */
import { specialIds } from "../tokenizers/mod.ts";

/** Rows 0 … size − 1 of a token embedding table. */
export interface SourceVocabulary {
  readonly size: number;
  /** Global row of each local one, ascending; absent when the table is not cut. */
  readonly rows?: Int32Array;
  /** Local id of each global one, −1 where there is none; present exactly when `rows` is. */
  readonly localIds?: Int32Array;
}

/** A vocabulary that is used whole. */
export function wholeVocabulary(size: number): SourceVocabulary {
  return { size };
}

/**
 * The cut of a table of `globalSize` rows to `rows`. Local ids are made when they are first asked for: who only needs rows, of
 * thousands of sources, holds no map of the whole table for each.
 * @throws RangeError unless they ascend within the table.
 */
export function cutVocabulary(rows: Int32Array, globalSize: number): SourceVocabulary {
  let previous = -1;
  for (const row of rows) {
    if (row <= previous || row >= globalSize) {
      throw new RangeError(
        `Cannot cut a table of ${globalSize} rows: expected ascending rows within it, ` +
          `found ${row} after ${previous}`,
      );
    }
    previous = row;
  }
  let localIds: Int32Array | undefined;
  return {
    size: rows.length,
    rows,
    get localIds() {
      return localIds ??= localIdsOf(rows, globalSize);
    },
  };
}

function localIdsOf(rows: Int32Array, globalSize: number): Int32Array {
  const localIds = new Int32Array(globalSize).fill(-1);
  rows.forEach((row, local) => localIds[row] = local);
  return localIds;
}

/**
 * Tokens with local ids; what the vocabulary lacks counts as unknown.
 * @throws RangeError for a token that is outside the global vocabulary too: engines check those of a table that is not cut.
 */
export function renumber(tokens: Int32Array, { localIds }: SourceVocabulary): Int32Array {
  if (localIds === undefined) return tokens;
  return tokens.map((token) => {
    const local = localIds[token];
    if (local === undefined) {
      throw new RangeError(
        `Cannot use token ${token}: expected ids from 0 to ${
          localIds.length - 1
        }, the vocabulary's`,
      );
    }
    return local < 0 ? specialIds.unknown : local;
  });
}

/** How many of the tokens the vocabulary lacks. */
export function countUnknown(tokens: Int32Array, { localIds }: SourceVocabulary): number {
  if (localIds === undefined) return 0;
  let unknown = 0;
  for (const token of tokens) if (localIds[token] < 0) unknown++;
  return unknown;
}
