/** Runs the long form of a check that the tests make in short: `deno task instruments crash [options]`. */
import { runProgram } from "../support/programs.ts";

await runProgram("instruments", {
  crash: {
    about: "kills runs at every place where they write and at random moments, and compares bytes",
    load: () => import("./crash.ts"),
  },
  "exchange-kills": {
    about: "kills leader, silos and server of an exchange at random moments, and compares records",
    load: () => import("./exchange_kills.ts"),
  },
  mischief: {
    about:
      "harms processes, lines and server of runs over an exchange, and compares with runs alone",
    load: () => import("./mischief.ts"),
  },
  slurm: {
    about: "runs a recipe as jobs of Slurm, loses a node, kills the runner, and compares bytes",
    load: () => import("./slurm.ts"),
  },
  federation: {
    about: "simulates rounds of thousands of silos, and compares with a real run of eight",
    load: () => import("./federation.ts"),
  },
  "exchange-speed": {
    about: "puts a file into an exchange and gets it, over each kind",
    load: () => import("./exchange_speed.ts"),
  },
  terminal: {
    about: "presses Ctrl-C in a terminal in each kind of stage, and runs again",
    load: () => import("./terminal.ts"),
  },
  edits: {
    about: "edits code, data and recipes while runs work, and compares with clean stores",
    load: () => import("./edits.ts"),
  },
  "crafted-archives": {
    about: "pulls archives that were made to do harm, and calls every command after each",
    load: () => import("./crafted_archives.ts"),
  },
  "store-fuzz": {
    about: "reads damaged manifests, records of runs and messages of processes",
    load: () => import("./store_fuzz.ts"),
  },
  "datasets-fuzz": {
    about: "reads damaged files of every format",
    load: () => import("./datasets_fuzz.ts"),
  },
  "tokenizers-fuzz": {
    about: "reads damaged tokenizers, and compares awkward lines with spm_encode",
    load: () => import("./tokenizers_fuzz.ts"),
  },
  "tokenizers-parity": {
    about: "compares ids with those of spm_encode on all text of the data folder",
    load: () => import("./tokenizers_parity.ts"),
  },
  "checkpoints-fuzz": {
    about: "reads damaged checkpoints",
    load: () => import("./checkpoints_fuzz.ts"),
  },
  "imports-fuzz": {
    about: "imports damaged models of others",
    load: () => import("./imports_fuzz.ts"),
  },
  "recipes-fuzz": {
    about: "reads and plans recipes that are written wrongly",
    load: () => import("./recipes_fuzz.ts"),
  },
  "training-memory": {
    about: "looks for memory that training keeps, over thousands of steps",
    load: () => import("./training_memory.ts"),
  },
  "round-memory": {
    about: "looks for memory of a round that grows with its sources",
    load: () => import("./round_memory.ts"),
  },
  "training-estimate": {
    about: "compares the memory that training is expected to take with what it takes",
    load: () => import("./training_estimate.ts"),
  },
  "llama-cpp": {
    about: "compares a trained model's predictions and ids with those of llama.cpp",
    load: () => import("./llama_cpp.ts"),
  },
  "pytorch-parity": {
    about: "trains in Debian's PyTorch and writes tests/golden/pytorch_*.json",
    load: () => import("./pytorch_parity.ts"),
  },
}, Deno.args);
