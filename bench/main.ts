/** Runs a benchmark by name: `deno task bench train [options]`. Each is a module here that exports `main(args)`. */
import { runProgram } from "../tests/support/programs.ts";

await runProgram("bench", {
  train: {
    about: "speed and memory of training steps, beside Debian's PyTorch",
    load: () => import("./train.ts"),
  },
  tokenizers: {
    about: "training and encoding, beside SentencePiece and npm tokenizers",
    load: () => import("./tokenizers.ts"),
  },
  datasets: {
    about: "reading of every format, token shards, memory of a long file",
    load: () => import("./datasets.ts"),
  },
  text: {
    about: "the stages from a file of text to token shards, also beside another checkout",
    load: () => import("./text_stages.ts"),
  },
  runner: { about: "what the runner itself costs", load: () => import("./runner.ts") },
  sources: {
    about: "what hundreds of sources from files cost before training",
    load: () => import("./many_sources.ts"),
  },
  monitors: {
    about: "what monitors cost in training",
    load: () => import("./training_monitors.ts"),
  },
  crash: {
    about: "the same as: deno task instruments crash",
    load: () => import("../tests/instruments/crash.ts"),
  },
}, Deno.args);
