/**
 * The command line over toy stages: `deno run -A tests/support/toy_stages/main.ts run --recipe toy`.
 */
import { reportFileLimit } from "../../../base/mod.ts";
import type { Project } from "../../../commands/project.ts";
import { runCommandLine } from "../../../commands/main.ts";
import type { Table } from "../../../stages/report/mod.ts";
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
  async formatTable(table, format) {
    if ("columns" in (table as object)) { // not of these stages: of a command
      const { formatTable } = await import("../../../stages/report/mod.ts");
      return formatTable(table as Table, format);
    }
    const { title, rows } = table as { title: string; rows: { name: string; end: number }[] };
    if (format === "json") return JSON.stringify(table);
    const lines = rows.map(({ name, end }) =>
      format === "csv" ? `${name},${end}` : `${name}  ${end}`
    );
    return [title, ...lines].join("\n");
  },
};

if (import.meta.main) {
  reportFileLimit();
  Deno.exit(await runCommandLine(Deno.args, () => Promise.resolve(toyProject)));
}
