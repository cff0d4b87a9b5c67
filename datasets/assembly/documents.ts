/**
 * The loops over all bytes of documents: where a row of JSON lines has its text, and what scripts that is written in.
 */
export { characters, name, nameBytes, textOfRow } from "./json_row";
export { common, count, counts, kinds, latin } from "./scripts";
