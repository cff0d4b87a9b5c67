/**
 * The embedding's part of a parameter's gradient, added on the host.
 *
 * Scattering with addition over repeated ids loses updates on two threads (onnxruntime issue 18048). One plain loop in
 * token order is exact in its order, needs no second tensor of the table's size, and is faster than any way to write it in
 * the graph: with a tied head the rows are added straight onto the head's gradient.
 */
import { type Graph, type Node, sizeOf } from "../../model/mod.ts";

/** One EmbeddingGradient: rows of `rows` (N, C) go to the rows of the gradient that `ids` (N) name. */
interface RowTerm {
  readonly ids: string;
  readonly rows: string;
  readonly width: number;
}

/** How a parameter's gradient is put together: values of the graph, then rows. */
export interface GradientParts {
  readonly parameter: string;
  readonly terms: readonly string[];
  readonly rowTerms: readonly RowTerm[];
}

/** Takes the gradients of a training graph apart, in the order of its parameters. */
export function gradientParts(graph: Graph): readonly GradientParts[] {
  const producers = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) producers.set(output, node);

  const isRowTerm = (value: string) => producers.get(value)?.operator.name === "EmbeddingGradient";
  const sameSize = (a: string, b: string) =>
    sizeOf(graph.types[a].shape) === sizeOf(graph.types[b].shape);
  /** Whether a sum has rows among its terms; broadcasting sums are left to the graph. */
  const holdsRows = (value: string): boolean => {
    const node = producers.get(value);
    return isRowTerm(value) ||
      (node?.operator.name === "Add" &&
        node.inputs.every((input) => sameSize(input, value)) && node.inputs.some(holdsRows));
  };
  const takeApart = (value: string, terms: string[], rowTerms: RowTerm[]): void => {
    if (isRowTerm(value)) {
      const [ids, rows] = producers.get(value)!.inputs;
      const shape = graph.types[value].shape;
      rowTerms.push({ ids, rows, width: shape[shape.length - 1] });
    } else if (holdsRows(value)) {
      for (const input of producers.get(value)!.inputs) takeApart(input, terms, rowTerms);
    } else terms.push(value);
  };

  return Object.keys(graph.parameters)
    .filter((parameter) => Object.hasOwn(graph.gradients, parameter))
    .map((parameter) => {
      const terms: string[] = [];
      const rowTerms: RowTerm[] = [];
      takeApart(graph.gradients[parameter], terms, rowTerms);
      return { parameter, terms, rowTerms };
    });
}

/** Adds row n of `rows` to row `ids[n]` of `sum`, n rising. */
export function addRows(
  sum: Float32Array,
  ids: Int32Array,
  rows: Float32Array,
  width: number,
): void {
  for (let n = 0; n < ids.length; n++) {
    const from = n * width;
    const to = ids[n] * width;
    for (let c = 0; c < width; c++) sum[to + c] += rows[from + c];
  }
}
