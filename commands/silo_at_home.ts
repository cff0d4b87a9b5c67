/**
 * `silo --invitation`: takes part in a run that another party leads, with text that stays here.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError, writeFileAtomic } from "../base/mod.ts";
import { Store } from "../pipeline/store.ts";
import type { Recipe, SiloText } from "../stages/mod.ts";
import { callerFolder } from "./caller_folder.ts";
import { type Invitation, readInvitation, writeSecret } from "./invitation.ts";
import { type PlanOptions, typedOptions } from "./plan_options.ts";
import type { Project } from "./project.ts";
import { run } from "./run.ts";
import { print } from "./screen.ts";
import { trainingCode } from "./training_code.ts";

export interface AtHomeOptions extends PlanOptions {
  readonly invitation: string;
  readonly data?: string;
  readonly folder?: string;
}

/** Prepares the text, joins, trains, and ends with the model. Started again it goes on. */
export async function takePart(project: Project, options: AtHomeOptions): Promise<number> {
  const here = callerFolder(project.root);
  const invitation = readInvitation(resolve(here, options.invitation));
  const { source, variant } = invitation;
  const folder = resolve(here, options.folder ?? `silo-${source}`);
  const store = Store.open(resolve(options.store), { create: true });
  await checkCode(project, invitation, (name) => store.cachePath(name));
  useEnvironment(invitation, folder);
  const recipe = await writeRecipe(invitation, folder, here, options);
  const code = await run(project, [`participate/${variant}`], {
    recipe,
    set: options.set,
    store: options.store,
    exchange: invitation.exchange,
    workers: "0",
    wait: true,
  });
  if (code === 0) {
    print(
      `Use the model: deno task pipeline generate participate/${variant} --prompt "…" --source ${source}${
        typedOptions({ ...options, recipe })
      }`,
    );
  }
  if (code === 1) print(sharedSettings);
  return code;
}

const sharedSettings =
  "What all parties have in common (vocabularies, model, training) stands in the invitation: where it does not fit this text, " +
  "the leader's user changes it there, and invites again";

/** @throws UsageError where the leader has other code */
async function checkCode(
  project: Project,
  { code, recipe }: Invitation,
  cacheOf: (name: string) => string | undefined,
): Promise<void> {
  const { engine } = recipe as Partial<Recipe>;
  const own = await trainingCode(project, String(engine?.kind), cacheOf);
  if (own === code) return;
  throw new UsageError(
    `Cannot take part: expected the code of the leader (${code.slice(0, 12)}), found other code (${
      own.slice(0, 12)
    }); ` + "use the same version, which the leader's user can name",
  );
}

/** Lets this process and those that it starts reach the exchange as the invitation says, whatever this user is elsewhere. */
function useEnvironment({ environment, files }: Invitation, folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, value] of Object.entries(environment)) Deno.env.set(name, value);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name.toLowerCase());
    writeSecret(path, content);
    Deno.env.set(name, path);
  }
}

/** Returns the path of the recipe. @throws UsageError where the text is not known, or the folder is of another run */
async function writeRecipe(
  { run, source, sources, recipe: common, tokenizer, leaderKey, privateKey }: Invitation,
  folder: string,
  here: string,
  { data, folder: typed }: AtHomeOptions,
): Promise<string> {
  const path = join(folder, "recipe.json");
  const before = existsSync(path)
    ? JSON.parse(readFileSync(path, "utf8")) as Partial<Recipe>
    : undefined;
  if (before !== undefined && before.federation?.run !== run) {
    throw new UsageError(
      `Cannot use folder "${
        typed ?? folder
      }": expected what this silo keeps of the run, found another run's; name one with --folder`,
    );
  }
  const { keysPath, siloRecipe, splitFiles } = await import("../stages/mod.ts");
  const text = data === undefined
    ? before?.sources?.[source]
    : textIn(resolve(here, data), splitFiles);
  if (text === undefined) {
    throw new UsageError(
      `Cannot take part: expected the folder of the text of "${source}", found no --data`,
    );
  }
  const recipe = siloRecipe(
    withTokenizer(common as Recipe, tokenizer, folder),
    { run, folder, sources, as: source },
    text,
  );
  writeSecret(keysPath(folder), JSON.stringify({ privateKey, others: { leader: leaderKey } }));
  writeFileAtomic(path, JSON.stringify(recipe, null, 2));
  return path;
}

function withTokenizer(
  common: Recipe,
  tokenizer: Invitation["tokenizer"],
  folder: string,
): Recipe {
  if (tokenizer === null) return common;
  const file = join(folder, tokenizer.name.replaceAll(/[^\w.-]/g, "_"));
  writeFileAtomic(file, Uint8Array.fromBase64(tokenizer.base64));
  const { vocabulary } = common;
  return { ...common, vocabulary: { ...vocabulary, global: { ...vocabulary.global, file } } };
}

/** Validation text that is taken of files without splits. */
const validationShare = 0.05;

/** A folder of text as a recipe names it: files of splits, or files that are split by a hash of each document. */
function textIn(data: string, splitFiles: typeof import("../stages/mod.ts").splitFiles): SiloText {
  const isFolder = statSync(data, { throwIfNoEntry: false })?.isDirectory();
  const { train, validation, test } = isFolder ? splitFiles(data) : {};
  if (train === undefined || validation === undefined) {
    return { files: data, split: { validation: validationShare } };
  }
  return { train, validation, ...(test === undefined ? {} : { test }) };
}
