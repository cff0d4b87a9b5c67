/**
 * The interface of rewritings: functions that emit ONNX nodes for a node of ours.
 */
import type { Graph, Node } from "../../model/mod.ts";
import type { OnnxBuilder } from "./builder.ts";

/** Emits ONNX nodes that compute a node of ours. */
export type Rewrite = (node: Node, context: RewriteContext) => void;

/** What differs between the processor and a device. */
export interface Target {
  /** Rewritings by operator, which come before those that all targets share. */
  readonly rewrites: Readonly<Record<string, Rewrite>>;
  /** Whether a session can read rows of a parameter where they lie; else they are copied. */
  readonly readsRowsInPlace: boolean;
  /** The most logits in a piece of a head's classes. */
  readonly headPieceSize: number;
}

/** One for each graph that is lowered. */
export interface RewriteContext {
  readonly graph: Graph;
  readonly target: Target;
  readonly builder: OnnxBuilder;
  /** What the forward pass of a head leaves for its gradient, by the head's value `logSumExp`. */
  readonly heads: Map<string, HeadState>;
  /** Values in half precision that were made, by the value in single precision. */
  readonly halves: Map<string, string>;
  /** Whether anything reads a value. */
  isUsed(value: string): boolean;
  /**
   * The names of two further inputs (`IdTable`) for a value that holds the ids of an input as they are fed; undefined for others.
   */
  distinctIds(value: string, rows: number): IdTable | undefined;
  /** The name of some rows of a value. A parameter's rows are read where the parameter lies, others are copied. */
  rowsOf(value: string, piece: Piece): string;
  /** Says that a value is made in pieces. They are put together only where a node reads the whole value. */
  definePieces(value: string, pieces: readonly Piece[], names: readonly string[]): void;
}

/** Rows `from` to `to` of a value. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

/** A value of the forward pass for each piece of a head's classes. */
interface HeadState {
  /** Probabilities within the piece, (N, classes of the piece). */
  readonly shares: readonly string[];
  /** (N, 1) */
  readonly logSums: readonly string[];
}

/**
 * Inputs that the host derives from an input of ids, where a device cannot: U = min(ids, rows of the table) distinct rows.
 */
export interface IdTable {
  /** int32 [N]: the place of each id among the distinct ones. */
  readonly slots: string;
  /** int64 [U, 1]: the distinct ids in the order in which they come, then unused ones. */
  readonly rows: string;
  /** U. */
  readonly size: number;
  /** The input, and the table's rows. */
  readonly of: string;
  readonly limit: number;
}
