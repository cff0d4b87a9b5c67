/**
 * `routing.json`: where the test documents of each source went, for the stage that routes them and the tables that show it.
 */

export interface Routing {
  readonly format: 1;
  /** Of the tables, sorted. */
  readonly tables: readonly string[];
  readonly sources: {
    readonly [source: string]: {
      /** Documents that went to each table. */
      readonly documents: readonly number[];
      /** Bits per byte of its text by each table's unigram model under its tokenizer. */
      readonly bitsPerByte: readonly number[];
    };
  };
}

/** The share of documents of trained sources that went to their own table. */
export function accuracyOf({ tables, sources }: Routing): number {
  let [right, all] = [0, 0];
  for (const [k, table] of tables.entries()) {
    const documents = sources[table]?.documents ?? [];
    right += documents[k] ?? 0;
    all += documents.reduce((sum, count) => sum + count, 0);
  }
  return right / all;
}
