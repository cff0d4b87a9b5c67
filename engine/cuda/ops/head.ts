/**
 * The loss of classes. A head is taken in pieces of rows, so that logits are never held for all rows at once.
 */
import type { OperatorName } from "../../../model/mod.ts";
import { type Command, overRows, type Rule } from "../command.ts";
import { product } from "./products.ts";

/** Numbers of the logits that are held at once: 256 MiB. */
const mostLogits = 2 ** 26;
/** Warps of a block that takes a row of logits. */
const warps = 16;

export const headRules = {
  CrossEntropy: ({ inputs: [logits, targets], outputs, shape }) => {
    const [rows, classes] = shape(logits);
    const list = [...outputs, logits, targets, classes];
    return [{ kernel: "cross_entropy", grid: overRows(rows, classes, warps), arguments: list }];
  },
  CrossEntropyGradient: ({ inputs, outputs, shape }) => {
    const [rows, classes] = shape(inputs[0]);
    const list = [...outputs, ...inputs, classes];
    const grid = overRows(rows, classes, warps);
    return [{ kernel: "cross_entropy_gradient", grid, arguments: list }];
  },
  ...headRulesFor(mostLogits),
} satisfies Partial<Record<OperatorName, Rule>>;

/** Rules of the head that hold at most so many logits at once, but those of one row. */
export function headRulesFor(most: number) {
  return {
    LinearCrossEntropy: ({ inputs: [hidden, table, targets], outputs, shape, scratch }) => {
      const [rows, width] = shape(hidden);
      const [classes] = shape(table);
      const pieces = rowPieces(rows, classes, most);
      const logits = scratch([pieces[0].count, classes]);
      return pieces.flatMap(({ from, count }): Command[] => {
        const at = (value: string, step = 1) => ({ value, offset: from * step });
        const [nll, logs] = outputs.map((output) => at(output));
        return [
          product({
            ...{ y: logits, a: at(hidden, width), b: table, transB: true },
            ...{ rows: count, columns: classes, inner: width },
          }),
          {
            kernel: "head_loss",
            grid: overRows(count, classes, warps),
            arguments: [nll, logs, logits, at(targets), classes],
          },
        ];
      });
    },
    LinearCrossEntropyGradient: (
      { inputs: [hidden, table, targets, logs, dNll], outputs: [dHidden, dTable], shape, scratch },
    ) => {
      const [rows, width] = shape(hidden);
      const [classes] = shape(table);
      const pieces = rowPieces(rows, classes, most);
      const logits = scratch([pieces[0].count, classes]);
      return pieces.flatMap(({ from, count }): Command[] => {
        const at = (value: string, step = 1) => ({ value, offset: from * step });
        const ofPiece = at(hidden, width);
        return [
          product({
            ...{ y: logits, a: ofPiece, b: table, transB: true },
            ...{ rows: count, columns: classes, inner: width },
          }),
          {
            kernel: "head_gradient",
            grid: overRows(count, classes, warps),
            arguments: [logits, at(logs), at(dNll), at(targets), classes],
          },
          product({
            ...{ y: at(dHidden, width), a: logits, b: table },
            ...{ rows: count, columns: width, inner: classes },
          }),
          product({
            ...{ y: dTable, a: logits, b: ofPiece, transA: true, beta: from === 0 ? 0 : 1 },
            ...{ rows: classes, columns: width, inner: count },
          }),
        ];
      });
    },
  } satisfies Partial<Record<OperatorName, Rule>>;
}

/** How rows of so many logits are cut; the first piece is the longest. */
export function rowPieces(rows: number, classes: number, most: number) {
  const longest = Math.min(rows, Math.max(1, Math.floor(most / classes)));
  return Array.from({ length: Math.ceil(rows / longest) }, (_, i) => ({
    from: i * longest,
    count: Math.min(longest, rows - i * longest),
  }));
}
