/**
 * One table of embeddings from those that sources keep to themselves: what SPEC lacks to be used without naming a source.
 *
 * With one tokenizer for all sources row j is ϕ[j] = Σ_k c_kj ϕ^k[j] / Σ_k c_kj, where c_kj counts piece j in the training text of
 * source k. With tokenizers of their own, tables are first turned to the largest source's, by the orthogonal matrix that fits the
 * pieces which both have (Schönemann 1966). A piece that the largest source lacks is written, in its own source's table, as a
 * combination of few shared pieces; the same weights combine their rows in the common table (arXiv 2506.06607). Pieces that no
 * source has seen keep the rows that were drawn.
 *
 * Not in the paper: DEPT App. F leaves the inference of SPEC open.
 */
import { Matrix, SVD } from "ml-matrix";
import type { NamedTensor } from "./checkpoint.ts";
import { rowOf, type Rows, sparseCombination } from "./sparse_combination.ts";

/** By its id where all sources have one tokenizer, else by its text. */
type Piece = string | number;

/** A table that a source keeps to itself. */
export interface SourceTable {
  /** Of each row. */
  readonly pieces: readonly Piece[];
  /** How often the source's training text has each of them. */
  readonly counts: ArrayLike<number>;
  /** [pieces, width] */
  readonly rows: NamedTensor;
}

/** A stitched table, [pieces, width], and how many of its rows come from where. */
export interface StitchedTable {
  readonly rows: NamedTensor;
  /** From sources' rows of the very piece. */
  readonly given: number;
  /** Combined of other pieces' rows. */
  readonly combined: number;
  /** As they were drawn: no source has seen the piece. */
  readonly drawn: number;
}

/** Rows by their piece, in float64. */
type RowsByPiece = Map<Piece, Float64Array>;

/** Anchors are the shared pieces that both sources have most often: with more, time grows and little else. */
const mostAnchors = 2048;

/**
 * Of sources with one tokenizer: rows averaged with counts.
 * @param tables In the order of the sources' names. @param drawn Rows of all pieces, by id.
 */
export function averageTables(tables: readonly SourceTable[], drawn: NamedTensor): StitchedTable {
  const pieces = Array.from({ length: drawn.shape[0] }, (_, id) => id);
  return filled(pieces, drawn, weightedRows(tables), new Map());
}

/**
 * Of sources with tokenizers of their own.
 * @param tables In the order of the sources' names. @param pieces Of the stitched table. @param drawn Their rows.
 * @param most Shared pieces that a combination takes at most.
 */
export function alignTables(
  tables: readonly SourceTable[],
  pieces: readonly Piece[],
  drawn: NamedTensor,
  most: number,
): StitchedTable {
  const common = largestOf(tables);
  const others = tables.filter((table) => table !== common)
    .map((table) => ({ table, anchors: anchorsOf(table, common) }))
    .filter(({ anchors }) => anchors.length > 0); // else nothing says how they belong together
  const given = weightedRows([
    common,
    ...others.map(({ table, anchors }) => turned(table, common, anchors)),
  ]);
  const combined = weightedRows(
    others.map(({ table, anchors }) =>
      combinedTable(table, anchors.slice(0, mostAnchors), given, most)
    ),
  );
  return filled(pieces, drawn, given, combined);
}

/** The mean of tables whose rows are positions, summed in their order. */
export function meanTable(tables: readonly NamedTensor[]): NamedTensor {
  const [{ shape, data: { length } }] = tables;
  const sum = new Float64Array(length);
  for (const { data } of tables) data.forEach((value, i) => sum[i] += value);
  return { shape, data: Float32Array.from(sum, (value) => value / tables.length) };
}

/** The source with the most training tokens; of equals the first. */
function largestOf(tables: readonly SourceTable[]): SourceTable {
  const total = ({ counts }: SourceTable) =>
    Array.from(counts).reduce((sum, count) => sum + count, 0);
  return tables.reduce((best, table) => total(table) > total(best) ? table : best);
}

/** A piece that two tables have: its row in each. */
interface Anchor {
  readonly piece: Piece;
  readonly row: number;
  readonly commonRow: number;
}

/** Pieces that both sources have seen, the most frequent first by the smaller count; of equals in the order of the table. */
function anchorsOf(table: SourceTable, common: SourceTable): Anchor[] {
  const places = new Map(common.pieces.map((piece, row) => [piece, row]));
  const count = ({ row, commonRow }: Anchor) =>
    Math.min(table.counts[row], common.counts[commonRow]);
  return table.pieces
    .map((piece, row) => ({ piece, row, commonRow: places.get(piece) ?? -1 }))
    .filter((anchor) => anchor.commonRow >= 0 && count(anchor) > 0)
    .sort((a, b) => count(b) - count(a) || a.row - b.row);
}

/** The shared pieces of a table, turned by the orthogonal R that makes Σ ‖ϕ^k R − ϕ^common‖² least. */
function turned(table: SourceTable, common: SourceTable, anchors: readonly Anchor[]): SourceTable {
  const own = anchorRows(table, anchors.map(({ row }) => row));
  const theirs = anchorRows(common, anchors.map(({ commonRow }) => commonRow));
  const { leftSingularVectors, rightSingularVectors } = new SVD(own.transpose().mmul(theirs));
  const rotated = own.mmul(leftSingularVectors.mmul(rightSingularVectors.transpose()));
  return {
    pieces: anchors.map(({ piece }) => piece),
    counts: anchors.map(({ row }) => table.counts[row]),
    rows: { shape: [rotated.rows, rotated.columns], data: Float32Array.from(rotated.to1DArray()) },
  };
}

function anchorRows({ rows }: SourceTable, places: readonly number[]): Matrix {
  return new Matrix(places.map((row) => Array.from(rowOf(asRows(rows), row))));
}

/** Pieces that the common table lacks, combined of the anchors' rows there as they are in the source's own table. */
function combinedTable(
  table: SourceTable,
  anchors: readonly Anchor[],
  given: RowsByPiece,
  most: number,
): SourceTable {
  const width = table.rows.shape[1];
  const rows = asRows(table.rows);
  const own = new Float32Array(anchors.length * width);
  anchors.forEach(({ row }, place) => own.set(rowOf(rows, row), place * width));
  const missing = table.pieces.flatMap((piece, row) =>
    table.counts[row] > 0 && !given.has(piece) ? [{ piece, row }] : []
  );
  const data = new Float32Array(missing.length * width);
  missing.forEach(({ row }, place) => {
    const combination = sparseCombination(rowOf(rows, row), { width, data: own }, most);
    const sum = new Float64Array(width);
    combination.anchors.forEach((anchor, i) => {
      const there = given.get(anchors[anchor].piece)!;
      for (let j = 0; j < width; j++) sum[j] += combination.weights[i] * there[j];
    });
    data.set(sum, place * width);
  });
  return {
    pieces: missing.map(({ piece }) => piece),
    counts: missing.map(({ row }) => table.counts[row]),
    rows: { shape: [missing.length, width], data },
  };
}

/** Σ_k c_kj ϕ^k[j] / Σ_k c_kj of each piece that some source has seen, summed in the order of the tables. */
function weightedRows(tables: readonly SourceTable[]): RowsByPiece {
  const sums: RowsByPiece = new Map();
  const totals = new Map<Piece, number>();
  for (const { pieces, counts, rows } of tables) {
    pieces.forEach((piece, row) => {
      if (counts[row] === 0) return;
      const sum = sums.get(piece) ?? new Float64Array(rows.shape[1]);
      rowOf(asRows(rows), row).forEach((value, j) => sum[j] += counts[row] * value);
      sums.set(piece, sum);
      totals.set(piece, (totals.get(piece) ?? 0) + counts[row]);
    });
  }
  for (const [piece, sum] of sums) {
    const total = totals.get(piece)!;
    for (let j = 0; j < sum.length; j++) sum[j] /= total;
  }
  return sums;
}

function filled(
  pieces: readonly Piece[],
  drawn: NamedTensor,
  given: RowsByPiece,
  combined: RowsByPiece,
): StitchedTable {
  const width = drawn.shape[1];
  const data = Float32Array.from(drawn.data);
  const found = { given: 0, combined: 0 };
  pieces.forEach((piece, row) => {
    const kind = given.has(piece) ? "given" : "combined";
    const values = (kind === "given" ? given : combined).get(piece);
    if (values === undefined) return;
    data.set(values, row * width);
    found[kind]++;
  });
  return {
    rows: { shape: drawn.shape, data },
    ...found,
    drawn: pieces.length - found.given - found.combined,
  };
}

function asRows({ shape, data }: NamedTensor): Rows {
  return { width: shape[1], data };
}
