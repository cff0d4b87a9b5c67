/**
 * Tables: what they are made of and how they are printed.
 *
 * ```ts
 * import { formatTable } from "./mod.ts";
 * const table = { name: "t", title: "T", columns: ["", "a"], rows: [{ label: "x", cells: [{ value: 1 }] }], notes: [] };
 * console.log(formatTable(table, "text"));
 * ```
 */
export { type ComparedLosses, comparedLosses } from "./compared.ts";
export { cellParts, footnotesOf, formatTable } from "./format.ts";
export { isTable, tableEntry, tableNames } from "./kinds.ts";
export { listTables } from "./listing.ts";
export { tableOverSeeds } from "./over_seeds.ts";
export { asTable, type Cell, hasTableShape, type Row, type Table } from "./table.ts";
