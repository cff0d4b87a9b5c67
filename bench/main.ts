/** Runs a benchmark by name: `deno task bench train [options]`. Each is a module here that exports `main(args)`. */
import { didYouMean } from "../pipeline/base/mod.ts";

const benchmarks: Readonly<
  Record<string, () => Promise<{ main(args: readonly string[]): Promise<void> }>>
> = {
  train: () => import("./train.ts"),
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
  await main(args);
}
