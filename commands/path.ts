/**
 * `path`: the folder in the store that holds what an instance has made.
 */
import { didYouMean, UsageError } from "../base/mod.ts";
import { openSession } from "./session.ts";
import { addPlanOptions, type PlanOptions, typedOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";

export const command: PipelineCommand = {
  declare: (command) => addPlanOptions(command).addHelpText("after", examples),
  act: path,
};

/** Prints one line. @throws UsageError unless the target names one output of one instance whose result is there */
async function path(
  loadProject: () => Promise<Project>,
  target: string,
  options: PlanOptions,
): Promise<void> {
  const at = target.indexOf("#");
  const [named, asked] = at < 0 ? [target] : [target.slice(0, at), target.slice(at + 1)];
  const session = await openSession(await loadProject(), options, {
    create: false,
    targets: [named],
  });
  const ids = session.select([named]);
  const [id] = ids;
  if (ids.length > 1) {
    throw new UsageError(
      `Cannot print the path of "${target}": expected one instance, found ${ids.length}: ` +
        ids.slice(0, 6).join(", ") + (ids.length > 6 ? ", …" : ""),
    );
  }
  const { outputs } = session.instances.get(id)!.declaration;
  const output = asked ?? (outputs.length === 1 ? outputs[0] : undefined);
  if (output === undefined || !outputs.includes(output)) {
    throw new UsageError(
      `Cannot print the path of "${target}"${
        asked === undefined ? "" : didYouMean(asked, outputs)
      }: ` +
        `expected one of ${outputs.map((name) => `${id}#${name}`).join(", ")}`,
    );
  }
  const state = (await session.states([id])).get(id)!;
  if (state.status !== "fresh") {
    throw new UsageError(
      `Cannot print the path of ${id}#${output}: it must run first; ` +
        `do: deno task pipeline run ${id}${typedOptions(options)}`,
    );
  }
  print(await session.objects.require(state.manifest.outputs[output], id));
}

const examples = `
The folder is read-only: its name is the digest of what it holds. Copy what you want to change.

Examples:
  deno task -q pipeline path pretrain/trim#best
  ls "$(deno task -q pipeline path evaluate/trim/random)"`;
