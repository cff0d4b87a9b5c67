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
import { writeAll } from "./write_all.ts";

interface InspectOptions extends DatasetOptions {
  readonly json?: boolean;
  readonly all?: boolean;
}

export const command: CommandModule<void> = {
  declare: (command) =>
    addDatasetOptions(command)
      .option("--json", "print one JSON object")
      .option("--all", "read a large file to its end, to count its rows and problems"),
  act: (_, input: string, options: InspectOptions) => inspect(input, options),
};

/** Inspects all that the argument names. Gives 1 when a file is refused. */
async function inspect(argument: string, options: InspectOptions): Promise<number> {
  const { isFile, files, generators } = await datasetInput(argument, options);
  const found: (Inspection | GeneratorInspection)[] = [];
  const text = new InspectionText();
  const print = (text: string) => writeAll(Deno.stdout, new TextEncoder().encode(text));
  const add = async (one: Inspection | GeneratorInspection) => {
    found.push(one);
    if (!options.json) await print(text.of(one));
  };
  for (const generator of generators) await add(inspectGenerator(generator));
  for (const file of files) await add(await inspectFile(file, options.all === true));
  await print(
    options.json
      ? `${JSON.stringify(isFile ? found[0] : { input: argument, files: found }, null, 2)}\n`
      : text.total(),
  );
  return found.some((one) => "error" in one && one.error !== undefined) ? 1 : 0;
}
