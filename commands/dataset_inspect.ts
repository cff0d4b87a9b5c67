/**
 * `dataset inspect`: what files hold.
 */
import type { CommandModule } from "./command_line.ts";
import { addDatasetOptions, datasetInput, type DatasetOptions } from "./dataset_inputs.ts";
import {
  type GeneratorInspection,
  inspectFile,
  inspectGenerator,
  type Inspection,
} from "./file_inspection.ts";
import { InspectionText } from "./inspection_text.ts";
import { write } from "./screen.ts";

interface InspectOptions extends DatasetOptions {
  readonly json?: boolean;
  readonly all?: boolean;
}

export const command: CommandModule<void> = {
  declare: (command) =>
    addDatasetOptions(command)
      .option("--json", "print one JSON object")
      .option("--all", "read a large file to its end, to count its rows and problems")
      .addHelpText(
        "after",
        examples,
      ),
  act: (_, input: string, options: InspectOptions) => inspect(input, options),
};

/** Inspects all that the argument names. Gives 1 when a file is refused. */
async function inspect(argument: string, options: InspectOptions): Promise<number> {
  const { isFile, files, generators } = await datasetInput(argument, options);
  const found: (Inspection | GeneratorInspection)[] = [];
  const text = new InspectionText();
  const add = (one: Inspection | GeneratorInspection) => {
    found.push(one);
    if (!options.json) write(Deno.stdout, text.of(one));
  };
  for (const generator of generators) add(inspectGenerator(generator));
  for (const file of files) add(await inspectFile(file, options.all === true));
  write(
    Deno.stdout,
    options.json
      ? `${JSON.stringify(isFile ? found[0] : { input: argument, files: found }, null, 2)}\n`
      : text.total(),
  );
  return found.some((one) => "error" in one && one.error !== undefined) ? 1 : 0;
}

const examples = `
Examples:
  deno task dataset inspect train.parquet                  format, rows, columns, problems
  deno task dataset inspect hf://datasets/OWNER/NAME/FILE  the same of a file that is not here
  deno task dataset inspect sw --recipe multilingual-small --set data=DIR --json`;
