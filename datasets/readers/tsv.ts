/**
 * Tab separated values with a header; a quote is a character like others.
 */
import { DelimitedRecords } from "./delimited_records.ts";
import { recordReader } from "./documents.ts";

export const reader = recordReader(
  "tsv",
  (input, options) => new DelimitedRecords(input, options, { delimiter: "\t", quotes: false }),
);
