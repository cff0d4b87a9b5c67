/** Runs a benchmark by name: `deno task bench train [options]`. Each is a module here that exports `main(args)`. */
import { didYouMean, UsageError } from "../base/mod.ts";

const benchmarks: Readonly<
  Record<string, () => Promise<{ main(args: readonly string[]): Promise<void> }>>
> = {
  datasets: () => import("./datasets.ts"),
  runner: () => import("./runner.ts"),
  monitors: () => import("./training_monitors.ts"),
  parity: () => import("./training_parity.ts"),
  tokenizers: () => import("./tokenizers.ts"),
  train: () => import("./train.ts"),
  "training-estimate": () => import("./training_estimate.ts"),
  "training-memory": () => import("./training_memory.ts"),
};

if (import.meta.main) {
  const [name = "train", ...args] = Deno.args;
  const known = Object.keys(benchmarks);
  if (!Object.hasOwn(benchmarks, name)) {
    console.error(
      `Cannot run benchmark "${name}": expected one of ${known.join(", ")}${
        didYouMean(name, known)
      }`,
    );
    Deno.exit(2);
  }
  const { main } = await benchmarks[name]();
  try {
    await main(args);
  } catch (error) {
    // `parseArgs` throws a TypeError for options that it does not know.
    if (!(error instanceof UsageError || error instanceof TypeError && "code" in error)) {
      throw error;
    }
    console.error(error.message);
    Deno.exit(2);
  }
}
