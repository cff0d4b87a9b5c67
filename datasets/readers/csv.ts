/**
 * Comma separated values with a header; cells may be quoted and hold line feeds.
 */
import { DelimitedRecords } from "./delimited_records.ts";
import { recordReader } from "./documents.ts";

export const reader = recordReader(
  "csv",
  (input, options) => new DelimitedRecords(input, options, { delimiter: ",", quotes: true }),
);
