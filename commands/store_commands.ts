/**
 * The commands that tend a store, as the command line declares them: `verify`, `gc`, `push`, `pull`.
 */
import type { Command } from "commander";
import { addPlanOptions } from "./plan_options.ts";
import type { Project } from "./project.ts";

/** Adds the commands. @param done Takes the exit code of the one that was called. */
export function addStoreCommands(
  program: Command,
  loadProject: () => Promise<Project>,
  done: (code: number) => void,
): void {
  const storeOption = ["--store <folder>", "where results are kept", ".artifacts"] as const;
  program.command("verify")
    .description("read all that the store has; what is damaged is named and dropped (exit code 1)")
    .option(...storeOption)
    .option("--json", "print one JSON object")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (options) => {
      const { verify } = await import("./verify.ts");
      done(await verify(options));
    });
  program.command("gc [recipes...]")
    .description(
      "remove what no run asks for: of the recipes named, or of all that were run lately",
    )
    .option(...storeOption)
    .option("--days <n>", "lately: within so many days", "30")
    .option("-n, --dry-run", "say what would be removed, and stop")
    .option("--no-wait", "end with code 1 when another process uses the store")
    .option("--json", "print one JSON object")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (recipes, options) => {
      const { gc } = await import("./gc.ts");
      done(await gc(recipes, options));
    });
  const push = program.command("push <to> [targets...]")
    .description("copy results into another store (a folder) or an archive (.tar, .tar.zst)")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (to, targets, options) => {
      const { push } = await import("./push.ts");
      done(await push(await loadProject(), to, targets, options));
    });
  addPlanOptions(push);
  program.command("pull <from>")
    .description("take results from another store (a folder), an archive, or the URL of an archive")
    .option(...storeOption)
    .option("--no-wait", "end with code 1 when another process uses the store")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (from, options) => {
      const { pull } = await import("./pull.ts");
      done(await pull(from, options));
    });
}
