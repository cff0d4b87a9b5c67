/**
 * The format of token shards that the writer and the reader share, apart from `token_shards.ts`.
 */
/** `shards.json`. */
export interface ShardsFile {
  readonly format: 1;
  readonly vocabSize: number;
  readonly tokens: number;
  readonly documents: number;
  /** UTF-8 bytes of all texts. */
  readonly bytes: number;
}

/** Whether ids take 32 bits. */
export function isWide(vocabSize: number): boolean {
  return vocabSize >= 65_536;
}
