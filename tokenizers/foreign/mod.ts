/**
 * Tokenizers of other libraries, through the npm package `tokenizers`. Loaded when one is opened, not before.
 */
export { ForeignTokenizer } from "./foreign_tokenizer.ts";
