/**
 * The command line over toy stages: `deno run -A tests/support/toy_stages/main.ts run --recipe toy`.
 */
import { reportFileLimit } from "../../../base/mod.ts";
import type { Project } from "../../../commands/project.ts";
import { runCommandLine } from "../../../commands/main.ts";
import { projectRoot } from "../paths.ts";
import { toySchema } from "./recipe.ts";
import { table } from "./table.ts";
import { walk } from "./walk.ts";
import { words } from "./words.ts";

export const toyProject: Project = {
  root: projectRoot,
  recipes: import.meta.dirname + "/recipes",
  schema: toySchema,
  pathKeys: [{ key: "data" }],
  stages: [words, walk, table],
  formatTable(table, format) {
    const { title, rows } = table as { title: string; rows: { name: string; end: number }[] };
    if (format === "json") return Promise.resolve(JSON.stringify(table));
    const lines = rows.map(({ name, end }) =>
      format === "csv" ? `${name},${end}` : `${name}  ${end}`
    );
    return Promise.resolve([title, ...lines].join("\n"));
  },
};

if (import.meta.main) {
  reportFileLimit();
  Deno.exit(await runCommandLine(Deno.args, () => Promise.resolve(toyProject)));
}
