/**
 * Encoding many texts: over workers, and into lines or Arrow.
 */
export { joinTexts } from "../unigram/utf8.ts";
export { EncodePool } from "./encode_pool.ts";
export { type EncodeAnswer, type EncodeRequest } from "./encode_request.ts";
export { arrowStream, formatLines, type LineFormat, lineFormats } from "./format_lines.ts";
