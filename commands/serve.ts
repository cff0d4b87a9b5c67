/**
 * `serve`: leads a run whose sources are with other parties, and writes the invitations by which they take part.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { canonicalJson, formatCount, sha256, UsageError, writeFileAtomic } from "../base/mod.ts";
import { exchangeNeeds, makeKeyPair, openLeader } from "../exchange/mod.ts";
import { Store } from "../pipeline/store.ts";
import type { Recipe } from "../stages/mod.ts";
import { findVariant } from "../training/mod.ts";
import { callerFolder } from "./caller_folder.ts";
import { exchangeOf } from "./exchange_options.ts";
import { environmentFor, readRights } from "./exchange_rights.ts";
import { carried, type Invitation, writeSecret } from "./invitation.ts";
import { addPlanOptions, defaultRecipe, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { run } from "./run.ts";
import { print } from "./screen.ts";
import { loadPlainRecipe } from "./session.ts";
import { signalCodes, StopWishes } from "./stop_signals.ts";
import { trainingCode } from "./training_code.ts";

interface ServeOptions extends PlanOptions {
  readonly exchange?: string;
  readonly silos?: string;
  readonly folder: string;
  readonly rights?: string;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--exchange <url>", "where parties meet: s3://BUCKET/PREFIX, or folder:DIR")
        .option("--silos <names>", "the sources that take part, one a silo: it,fr,mail")
        .option("--folder <dir>", "keeps keys, invitations and declarations", "federation")
        .option("--rights <file>", "JSON: variables for each silo by which it reaches the exchange")
        .addHelpText("after", examples),
    ),
  act: serve,
};

/** What is kept of a run that was begun. Public keys of silos are in `keys.json`. */
interface Begun {
  readonly run: string;
  readonly target: string;
  readonly exchange: string;
  readonly silos: readonly string[];
}

async function serve(
  loadProject: () => Promise<Project>,
  target: string,
  options: ServeOptions,
): Promise<number> {
  const project = await loadProject();
  const folder = resolve(callerFolder(project.root), options.folder);
  const begun = existsSync(join(folder, "run.json"))
    ? goOn(folder, target, options)
    : await begin(project, folder, target, options);
  const recipe = join(folder, "recipe.json");
  const stopped = await waitForAll(folder, recipe, begun);
  if (stopped !== undefined) return stopped;
  return await run(project, [target.replace(/^pretrain/, "federate")], {
    recipe,
    store: options.store,
    exchange: begun.exchange,
    workers: "0",
    wait: true,
  });
}

/** @throws UsageError where other things are asked of a run that was begun */
function goOn(folder: string, target: string, options: ServeOptions): Begun {
  const begun: Begun = JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
  const asked = {
    target,
    exchange: options.exchange === undefined ? begun.exchange : exchangeOf(options.exchange).url,
    silos: options.silos === undefined ? begun.silos : silosOf(options.silos),
  };
  const { run: _, ...before } = begun;
  if (canonicalJson(asked) !== canonicalJson(before)) {
    throw new UsageError(
      `Cannot go on with the run in "${options.folder}": expected ${before.target} over ${before.exchange} with ${
        before.silos.join(", ")
      }, found ${asked.target} over ${asked.exchange} with ${asked.silos.join(", ")}; ` +
        "begin another run with --folder",
    );
  }
  if (options.recipe !== defaultRecipe || options.set !== undefined) {
    print(`The recipe is that in ${options.folder}, which the invitations have too`);
  }
  exchangeNeeds(begun.exchange, Deno.env); // says what is missing
  return begun;
}

async function begin(
  project: Project,
  folder: string,
  target: string,
  options: ServeOptions,
): Promise<Begun> {
  const variant = variantOf(target);
  const { exchange, silos: names } = options;
  if (exchange === undefined || names === undefined) {
    throw new UsageError(
      `Cannot begin a run in "${options.folder}": expected --exchange and --silos, found ${
        exchange === undefined ? "no --exchange" : "no --silos"
      }`,
    );
  }
  const { url } = exchangeOf(exchange);
  const silos = silosOf(names);
  const rights = options.rights === undefined ? undefined : readRights(options.rights, silos);
  const { commonRecipe, keysPath, leaderRecipe } = await import("../stages/mod.ts");
  const common = commonRecipe(await recipeOf(project, options), variant, silos);
  const leader = makeKeyPair();
  const keys = new Map(silos.map((silo) => [silo, makeKeyPair()]));
  const run = sha256(canonicalJson([common, silos, leader.publicKey]));
  const recipe = leaderRecipe(common, run, folder, silos);
  project.check?.(recipe);
  const store = Store.open(resolve(options.store), { create: true });
  const code = await trainingCode(project, common.engine.kind, (name) => store.cachePath(name));
  Deno.mkdirSync(join(folder, "invitations"), { recursive: true });
  for (const [source, { privateKey }] of keys) {
    const invitation: Invitation = {
      format: "dept invitation 1",
      ...{ run, source, sources: [...silos], variant, exchange: url, code },
      leaderKey: leader.publicKey,
      privateKey,
      ...carriedRecipe(common),
      ...environmentFor(Deno.env, rights?.[source] ?? {}),
    };
    writeSecret(join(folder, "invitations", `${source}.json`), JSON.stringify(invitation, null, 2));
  }
  const others = Object.fromEntries([...keys].map(([silo, { publicKey }]) => [silo, publicKey]));
  const { privateKey } = leader;
  writeSecret(keysPath(folder), JSON.stringify({ privateKey, others }));
  writeFileAtomic(join(folder, "recipe.json"), JSON.stringify(recipe, null, 2));
  const begun: Begun = { run, target, exchange: url, silos };
  writeFileAtomic(join(folder, "run.json"), JSON.stringify(begun)); // last: now it is begun
  print(
    `Wrote an invitation for each silo to ${join(options.folder, "invitations")}. ` +
      "Each holds keys: give it to its silo alone, over a channel that you trust",
  );
  print(`There: deno task pipeline silo --invitation ${silos[0]}.json --data FOLDER`);
  return begun;
}

async function recipeOf(project: Project, options: ServeOptions): Promise<Recipe> {
  const recipe = await loadPlainRecipe(project, options) as Recipe;
  if (recipe.engine.kind !== "auto") return recipe;
  const { kind, why } = await project.resolveEngine!();
  print(`engine auto is ${kind} for all parties: ${why}`);
  return { ...recipe, engine: { ...recipe.engine, kind } };
}

/** A recipe without paths of this machine, and the tokenizer that it named. */
function carriedRecipe(common: Recipe): Pick<Invitation, "recipe" | "tokenizer"> {
  const { federation: _, ...recipe } = common;
  const { file } = recipe.vocabulary.global;
  if (typeof file !== "string" || /^(https?|hf):/.test(file)) return { recipe, tokenizer: null };
  const { file: __, ...global } = recipe.vocabulary.global;
  return {
    recipe: { ...recipe, vocabulary: { ...recipe.vocabulary, global } },
    tokenizer: carried(file),
  };
}

/** Waits until all have joined. Returns an exit code if a signal comes before. */
async function waitForAll(
  folder: string,
  recipePath: string,
  { run, exchange: url, silos, target }: Begun,
): Promise<number | undefined> {
  const { pretrainParams, readKeys, waitForSilos } = await import("../stages/mod.ts");
  const recipe: Recipe = JSON.parse(readFileSync(recipePath, "utf8"));
  const params = pretrainParams(recipe, variantOf(target));
  const { privateKey, others } = readKeys(folder);
  await using exchange = await openLeader(url, {
    run,
    privateKey,
    silos: others,
    onTrouble: (message) => print(`warning: ${message}`),
  });
  const stop = new AbortController();
  const wishes = new StopWishes({
    stop: () => stop.abort(new Error("stopped")),
    kill: () => Deno.exit(signalCodes.SIGINT),
  });
  using _ = wishes.listen();
  const missing = new Set(silos);
  print(`Waiting for ${silos.join(", ")} to join; Ctrl-C ends it, and serve again goes on`);
  try {
    await waitForSilos({
      exchange,
      run,
      folder,
      sources: silos,
      variant: params.variant,
      settings: params,
      signal: stop.signal,
      onJoined(source, { tokens, size }) {
        missing.delete(source);
        const rest = missing.size === 0
          ? "all are there"
          : `waiting for ${[...missing].join(", ")}`;
        print(`${source} has ${formatCount(tokens)} tokens, ${formatCount(size)} pieces; ${rest}`);
      },
    });
  } catch (error) {
    if (wishes.signal === undefined) throw error;
    print("What was declared is kept; serve again goes on");
    return signalCodes[wishes.signal];
  }
  return undefined;
}

/** @throws UsageError for what is no pre-training of a variant */
function variantOf(target: string): string {
  const [, id] = /^pretrain\/([a-z0-9-]+)$/.exec(target) ?? [];
  if (id !== undefined && findVariant(id) !== undefined) return id;
  throw new UsageError(
    `Cannot lead "${target}": expected the pre-training of one variant, as in pretrain/spec`,
  );
}

/** Sorted. @throws UsageError */
function silosOf(text: string): readonly string[] {
  const silos = text.split(",").map((name) => name.trim()).sort();
  const bad = silos.find((name, i) =>
    !/^[a-z0-9][a-z0-9_-]*$/.test(name) || name in {} || name === "global" || name === silos[i - 1]
  );
  if (bad === undefined) return silos;
  throw new UsageError(
    `Cannot accept --silos ${text}: expected names of lower-case letters, digits, - and _, each once, found "${bad}"`,
  );
}

const examples = `
Examples:
  deno task pipeline serve pretrain/spec-opt --exchange s3://bucket/run1 --silos it,fr,mail --recipe my.yaml
  deno task pipeline serve pretrain/spec-opt                        go on with it

docs/several-machines.md says what each party can learn, and which rights it needs at the exchange.`;
