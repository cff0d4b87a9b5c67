/**
 * What a card is asked to do for the nodes of a graph, before it is known where values lie.
 */
import { type Attributes, type Shape, sizeOf } from "../../model/mod.ts";
import type { Grid } from "./driver.ts";

/** A value from one of its elements on. */
export interface Place {
  readonly value: string;
  /** In elements. */
  readonly offset: number;
}

/** The address of a value, an address of nothing (""), a number, or whole numbers of a structure. */
export type Argument = string | Place | number | readonly number[];

/** A kernel over a grid. */
export interface Launch {
  readonly kernel: string;
  readonly grid: Grid;
  readonly arguments: readonly Argument[];
}

/** Sets a value of so many elements to zero. */
export interface Clear {
  readonly clear: string;
  readonly words: number;
}

/** y = alpha·op(a)·op(b) + beta·y + c, of matrices, or of stacks of them; y is dense. */
export interface MatrixProduct {
  readonly y: string | Place;
  readonly a: string | Place;
  readonly b: string | Place;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** The factors in bf16, two to a word, where a library takes them so. */
  readonly halves?: { readonly a: Place; readonly b: Place };
  readonly alpha?: number;
  readonly beta?: number;
  readonly addend?: { readonly c: string; readonly row: number; readonly column: number };
  readonly stack?: {
    readonly shape: Shape;
    /** Between the matrices of a and of b. */
    readonly steps: readonly [readonly number[], readonly number[]];
  };
}

/** A product, by whoever multiplies in a program: a kernel of ours, or a library. */
export interface ProductCommand {
  readonly product: MatrixProduct;
}

export type Command = Launch | Clear | ProductCommand;

/** Tokens of a list of ids in the order of ids, as the kernel `embedding_gradient` takes them; the host sorts them for each run. */
export interface TokenOrder {
  readonly order: string;
  readonly first: string;
}

/** A node, as rules see it. */
export interface PlannedNode {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  shape(value: string): Shape;
  /** A value of single precision that lives during the node alone. */
  scratch(shape: Shape): string;
  /** A short list that is sent to the card before each run. */
  constant(data: Float32Array): string;
  /** The slopes of a bias of ALiBi that is not made, as only attention takes it, which needs no more. */
  slopesOf(bias: string): string | undefined;
  /** @param ids An input of the graph or a constant, or one of these reshaped. */
  tokenOrder(ids: string, rows: number): TokenOrder;
}

/** The commands that compute a node's outputs. */
export type Rule = (node: PlannedNode) => readonly Command[];

/** The most blocks of a grid that goes over a list: enough for any card, and no card is asked. */
const mostBlocks = 4096;

/** Threads that share a list of n elements, four or more each. */
export function overList(n: number): Grid {
  const threads = 256;
  return { blocks: [Math.min(mostBlocks, Math.ceil(n / (4 * threads))), 1, 1], threads };
}

/** A block for each row of so many elements. @param most Warps of a block. */
export function overRows(rows: number, width: number, most = 8): Grid {
  return { blocks: [rows, 1, 1], threads: 32 * Math.min(most, Math.ceil(width / 128)) };
}

/** Rows of a tensor, and elements of its last axis. */
export function rowsOf(shape: Shape): { readonly rows: number; readonly width: number } {
  const width = shape.at(-1) ?? 1;
  return { rows: sizeOf(shape) / width, width };
}
