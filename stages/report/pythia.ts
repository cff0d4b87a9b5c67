/**
 * What the paper says of Pythia beside DEPT. Nothing of it is computed: a Pythia checkpoint cannot be imported yet.
 *
 * Source: DEPT App. B.9 (Tables 18 to 20), of which only averages are known, by its authors' replies to reviewers.
 */
import type { TableKind } from "./kind.ts";
import type { Table } from "./table.ts";

export const kind: TableKind<Record<string, never>> = {
  names: ["pythia"],
  needs: "checkpoints that cannot be imported yet: it quotes the paper's averages",
  declare: () => ({ inputs: {}, params: {} }),
  build(): Table {
    const row = (label: string, said: string) => ({
      label,
      cells: [{ value: null, paper: said }],
    });
    return {
      name: "pythia",
      title: "Pythia and DEPT, average validation perplexity on The Pile",
      columns: ["", "difference"],
      rows: [
        row("160M, pre-trained embeddings (Table 18)", "DEPT better by 1"),
        row("410M, random embeddings (Table 19)", "within 1 of each other"),
        row("410M, pre-trained embeddings (Table 20)", "Pythia better by 10"),
      ],
      notes: [
        "not computed here; the paper's single cells are not known to us",
        "Pythia has seen 300 billion tokens, 10 to 30 times as many as DEPT; Ubuntu IRC is not held out for it",
      ],
    };
  },
};
