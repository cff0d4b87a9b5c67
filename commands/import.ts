/**
 * `import`: a model of others beside those of a recipe. It is `run external/<name>` with the key of the recipe set, and says how to go on.
 */
import { UsageError } from "../base/mod.ts";
import { addPlanOptions, type PlanOptions, typedOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { run } from "./run.ts";
import { print } from "./screen.ts";

interface ImportOptions extends PlanOptions {
  readonly name?: string;
  readonly wait: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--name <name>", "its name here (default: the last part of where it is)")
        .option("--no-wait", "end with code 1 when another run uses the store")
        .addHelpText("after", examples),
    ),
  act: async (project, from: string, options: ImportOptions) =>
    await importModel(await project(), from, options),
};

/** Imports, prints how to use the model, and returns the exit code. */
export async function importModel(
  project: Project,
  from: string,
  { name: asked, ...options }: ImportOptions,
): Promise<number> {
  const name = asked ?? nameOf(from);
  const key = `external.${name}.from`;
  const set = [...options.set ?? [], `${key}=${from}`];
  const target = `external/${name}`;
  const code = await run(project, [target], { ...options, set });
  if (code !== 0) return code;
  const typed = typedOptions({ ...options, set });
  print(
    `${target} is in the store. With the same --set, or with this in a recipe, it stands beside the recipe's own models:

  external:
    ${name}: { from: ${JSON.stringify(from)} } # starts: [random, pretrained] continues it too

  deno task pipeline run evaluate/${target}${typed}
  deno task pipeline run table/pretraining${typed}
  deno task pipeline generate ${target} --prompt 'Once upon'${typed}`,
  );
  return 0;
}

/** `hf://EleutherAI/pythia-14m@main` is `pythia-14m`. */
function nameOf(from: string): string {
  const parts = from.split(/[?#]/)[0].split("/").filter((part) => part !== "");
  const last = (/\.safetensors$/.test(parts.at(-1) ?? "") ? parts.at(-2) : parts.at(-1)) ?? "";
  const name = last.split("@")[0].toLowerCase().replace(/[^a-z0-9_-]+/g, "-").replace(
    /^-+|-+$/g,
    "",
  );
  if (/^[a-z0-9]/.test(name)) return name;
  throw new UsageError(
    `Cannot name the model of "${from}": expected a place whose last part is a name, found "${last}"; say --name NAME`,
  );
}

const examples = `
Examples:
  deno task pipeline import hf://EleutherAI/pythia-14m
  deno task pipeline import ./model-folder --name ours
  deno task pipeline import https://example.org/model.safetensors --recipe my.yaml

A model is a folder with config.json (GPT-2, MPT, GPT-NeoX, or exported here), model.safetensors or its parts with their index, and
a tokenizer. Other forms of weights are not read.`;
