/**
 * Imports a model of others: weights and tokenizer become what a trained model here is.
 *
 * in   its files: `config.json`, safetensors, a tokenizer; of this machine, or fetched
 * out  model      checkpoint with a global embedding, whose rows are the tokenizer's own ids
 *      tokenizer  the tokenizer's files and `kept.json`, its rows; a tokenizer of ours as it is
 *
 * Nothing but safetensors is read, and no code of an import is run.
 */
import { resolve } from "node:path";
import { isRemote } from "../datasets/hub/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import type { keepTokenizer } from "../tokenizers/adopted/mod.ts";
import { fillCheckpoint, readExternalModel } from "../training/mod.ts";
import { countParameters } from "../model/mod.ts";
import { checkRemote, fetchedPaths, localFiles, localPaths } from "./external_files.ts";
import type { Recipe } from "./recipe.ts";
import { type RemoteHints, remoteHints } from "./remote_files.ts";

interface ExternalParams {
  /** A remote name, or null for files of this machine, whose content is in the key. */
  readonly from: string | null;
}

interface ExternalModules {
  readonly tokenizers: { readonly keepTokenizer: typeof keepTokenizer };
}

export const external: Stage<Recipe, ExternalParams, RemoteHints, ExternalModules> = {
  name: "external",
  description: "Imports a model of others, with its tokenizer",
  module: import.meta.url,
  instances: (recipe) => Object.keys(recipe.external).sort().map((name) => [name]),
  declare(recipe, [name]) {
    const { from } = recipe.external[name];
    checkRemote(from, `external.${name}.from`);
    return {
      files: isRemote(from) ? {} : localFiles(resolve(from), `external.${name}.from`),
      outputs: ["model", "tokenizer"],
      params: { from: isRemote(from) ? from : null },
      hints: remoteHints(recipe),
      uses: { tokenizers: import.meta.resolve("../tokenizers/adopted/mod.ts") },
      isNative: true,
      weight: 0.5,
    };
  },
};

export async function run(
  context: StageContext<ExternalParams, RemoteHints, ExternalModules>,
): Promise<StageSummary> {
  const { params, files, outputs, modules, log } = context;
  const paths = params.from === null
    ? localPaths(files, context)
    : await fetchedPaths(context, params.from);
  const { config, tensors, architecture, endId } = readExternalModel(paths);
  const pieces = await modules.tokenizers.keepTokenizer(paths.tokenizer, outputs.tokenizer, {
    rows: config.vocabSize,
    endId,
  });
  fillCheckpoint(outputs.model, {
    groups: { model: tensors },
    state: { vocabulary: "external", model: { ...config }, architecture },
  });
  const parameters = countParameters(config).total;
  log.info("imported", { architecture, parameters, pieces });
  return { architecture, parameters, pieces };
}
