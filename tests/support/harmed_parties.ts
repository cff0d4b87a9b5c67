/**
 * A run of several parties by the command line, while harm is done to them at random moments: each must end with what one machine makes.
 */
import { join } from "node:path";
import { variantNamed } from "../../training/mod.ts";
import { temporaryFolder } from "./command_line.ts";
import { doHarm, type HarmCounts, type HarmOptions } from "./harm.ts";
import { lineTo, Party } from "./harmed_party.ts";
import { Parties, sameAsAlone } from "./parties.ts";
import { parties } from "./party_text.ts";

interface HarmedPartiesOptions extends HarmOptions {
  /** A run that nothing happens to, whose results are kept in its folder. */
  readonly alone: Parties;
}

/** What parties train, with results of one machine in a folder. */
export async function partiesAlone(
  folder: string,
  variant: string,
  extent: { readonly rounds: number; readonly localSteps: number },
): Promise<Parties> {
  const run = new Parties(folder, variant, [
    `pretrain.rounds=${extent.rounds}`,
    `pretrain.localSteps=${extent.localSteps}`,
    "pretrain.checkpointEverySteps=10",
    "pretrain.validationRows=own",
    "engine.kind=reference",
  ]);
  const { vocabulary } = variantNamed(variant).training;
  return vocabulary === "own" ? run : await run.withTokenizer();
}

/** Runs with harm. @throws AssertionError where results differ, or somebody does not come through */
export async function harmedParties(options: HarmedPartiesOptions): Promise<HarmCounts> {
  const { alone, server } = options;
  using folder = temporaryFolder();
  const run = new Parties(folder.path, alone.variant, alone.set, alone.folder);
  const exchange = crypto.randomUUID();
  using started = new DisposableStack();
  const line = () => lineTo(server, exchange, folder.path);
  const [own, ...theirs] = [line(), ...parties.map(line)];
  const rights = join(folder.path, "rights.json");
  const environments = parties.map((source, i) => [source, theirs[i].environment]);
  Deno.writeTextFileSync(rights, JSON.stringify(Object.fromEntries(environments)));
  run.place = { url: own.url, rights };
  const start = (words: readonly string[], at: typeof own) => started.use(new Party(words, at));
  const leader = start(run.serveWords, own);
  await leader.says(/Waiting for/);
  // A silo reaches the exchange as its invitation says.
  const silos = parties.map((source, i) => {
    return [source, start(run.siloWords(source), { ...theirs[i], environment: {} })] as const;
  });
  const counts = await doHarm({ leader, ...Object.fromEntries(silos) }, options);
  await sameAsAlone(run);
  return counts;
}
