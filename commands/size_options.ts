/**
 * Options of `table` that name sizes, for a table without a run: `table cost --layers 24 --width 2048`.
 */
import type { Command } from "commander";
import type { TableSizes } from "./project.ts";

/** By the name that commander gives the value. */
const options: Readonly<Record<string, readonly [string, string]>> = {
  layers: ["--layers <n>", "cost: blocks of the model"],
  width: ["--width <n>", "cost: width d"],
  expansion: ["--expansion <n>", "cost: width of the hidden layer over d"],
  context: ["--context <n>", "cost: context length in tokens"],
  positions: ["--positions <kind>", "cost: alibi, learned or rotary"],
  vocab: ["--vocab <n>", "cost: global vocabulary |V|"],
  localVocab: ["--local-vocab <n,…>", "cost: |V_k| of each source, or their mean"],
  ownVocab: ["--own-vocab <n>", "cost: pieces of each source's own tokenizer"],
  localSteps: ["--local-steps <n>", "cost: steps a round, N_local"],
  rounds: ["--rounds <n>", "cost: rounds, T"],
  gigabits: ["--gigabits <n>", "cost: a worker's link in Gbit/s (default: 10)"],
};

export function addSizeOptions(command: Command): Command {
  for (const [flags, description] of Object.values(options)) command.option(flags, description);
  return command;
}

/** The sizes that the user gave. */
export function sizesOf(given: Readonly<Record<string, unknown>>): TableSizes {
  return Object.fromEntries(
    Object.keys(options).flatMap((name) =>
      typeof given[name] === "string" ? [[name, given[name] as string]] : []
    ),
  );
}
