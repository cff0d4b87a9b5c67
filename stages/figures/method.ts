/**
 * How the method works: the drawings of `docs/method.md`, one of all variants and one for each.
 *
 * Source: DEPT Fig. 1. They are drawn by hand, so that there are no points in them.
 */
import { costMethods } from "../../training/mod.ts";
import type { FigureKind } from "./figure.ts";

const name = "method";

/** Names of figures, and the files that they are. */
const drawings: Readonly<Record<string, string>> = {
  [name]: "method.svg",
  ...Object.fromEntries(
    [...costMethods().keys()].map((method) => [`${name}-${method}`, `${method}.svg`]),
  ),
};

export const kind: FigureKind<{ readonly name: string }> = {
  names: Object.keys(drawings),
  declare: (_recipe, asked) => {
    const of = drawings[asked] === undefined ? name : asked; // by the paper's number
    const files = { drawing: `docs/figures/${drawings[of]}` };
    return { inputs: {}, params: { name: of }, files };
  },
  build: ({ name }) => ({ name, title: "How the method works", x: "", panels: [], notes: [] }),
};
