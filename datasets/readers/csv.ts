/**
 * Comma separated values with a header; cells may be quoted and hold line feeds.
 */
import { delimitedReader } from "./delimited.ts";

export const reader = delimitedReader("csv", { delimiter: ",", quotes: true });
