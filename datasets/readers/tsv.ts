/**
 * Tab separated values with a header; a quote is a character like others.
 */
import { delimitedReader } from "./delimited.ts";

export const reader = delimitedReader("tsv", { delimiter: "\t", quotes: false });
