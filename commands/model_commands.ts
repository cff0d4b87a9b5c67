/**
 * The commands that use trained models and engines, as the command line declares them: `generate`, `engines`.
 */
import type { Command } from "commander";
import { addPlanOptions } from "./plan_options.ts";
import type { Project } from "./project.ts";

/** Adds the commands. @param done Takes the exit code of the one that was called. */
export function addModelCommands(
  program: Command,
  loadProject: () => Promise<Project>,
  done: (code: number) => void,
): void {
  const generate = program.command("generate <target>")
    .description("let a trained model go on with a text, or say how well it predicts one")
    .option("-p, --prompt <text>", "what to go on with")
    .option("--perplexity <file>", "a text to predict instead: plain, JSON lines, parquet, …")
    .option("--tokens <n>", "at most so many are made", "64")
    .option("--temperature <t>", "0 takes the likeliest, 1 draws as the model says", "0.8")
    .option("--top-k <k>", "draw from the k likeliest only")
    .option("--seed <n>", "the same seed draws the same text", "0")
    .option("--source <name>", "whose embedding and tokenizer (spec, spec-opt)")
    .option("--checkpoint <which>", "of pre-training: best or last", "best")
    .option("--text-field <name>", "the field of a file of records", "text")
    .option("--json", "print one JSON object")
    .option("-v, --verbose", "print stacks of errors")
    .addHelpText("after", examples)
    .action(async (target, options) => {
      const { generate } = await import("./generate.ts");
      done(await generate(await loadProject(), target, options));
    });
  addPlanOptions(generate);
  program.command("engines")
    .description(
      "try every engine on this machine: what is missing, what auto takes, and which operators webgpu leaves to the processor",
    )
    .option("--operators", "list the operators of every graph, and how many of each")
    .option("--json", "print one JSON object")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (options) => {
      const { engines } = await import("./engines.ts");
      done(await engines(options));
    });
}

const examples = `
Examples:
  deno task pipeline generate continue/trim/random --prompt 'Once upon'
  deno task pipeline generate pretrain/spec-opt --source it --prompt '' --temperature 1 --top-k 50
  deno task pipeline generate continue/trim/random --perplexity FILE`;
