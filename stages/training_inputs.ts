/**
 * What stages that pre-train open: the variant, the engine, and the sources by their inputs.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { group, type StageContext } from "../pipeline/stage.ts";
import { openSource, type TrainingSource, type Variant } from "../training/mod.ts";

interface Training {
  readonly variant: Variant;
  readonly sources: readonly TrainingSource[];
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
}

/** Calls `use` with what a context's inputs and modules hold, and closes the sources after it. */
export async function withTraining<T>(
  { params, inputs, modules }: Pick<
    StageContext<{ readonly variant: string; readonly engine: EngineOptions }>,
    "params" | "inputs" | "modules"
  >,
  use: (training: Training) => Promise<T>,
): Promise<T> {
  const { variant } = modules.variant as { variant: (id: string) => Variant };
  const { engine } = modules.engine as { engine: Engine };
  const [validation, statistics] = [group(inputs, "validation"), group(inputs, "statistics")];
  const sources = [...group(inputs, "train")].map(([name, train]) =>
    openSource(name, {
      train,
      validation: validation.get(name)!,
      statistics: statistics.get(name)!,
    })
  );
  try {
    return await use({
      variant: variant(params.variant),
      sources,
      engine,
      engineOptions: params.engine,
    });
  } finally {
    for (const { train, validation } of sources) {
      train.close();
      validation.close();
    }
  }
}
