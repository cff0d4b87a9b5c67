/**
 * A leader of two sources over a folder, and silos that answer it, or do something else.
 */
import { join } from "node:path";
import {
  type JsonRecord,
  type KeyPair,
  leaderInFolder,
  makeKeyPair,
  siloInFolder,
  type TakenTask,
} from "../../exchange/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { ExchangeRounds } from "../../stages/exchange_rounds.ts";
import {
  type Answered,
  type LocalTask,
  type RoundSoFar,
  TensorFiles,
  type Tensors,
} from "../../training/mod.ts";
import { temporaryFolder } from "./command_line.ts";

export const run = "0".repeat(64);

export const tensor = (shape: readonly number[], value = 0.5) => ({
  shape,
  data: new Float32Array(shape.reduce((size, n) => size * n, 1)).fill(value),
});
const sent: Tensors = { "body.norm.weight": tensor([4]), "embedding.token.weight": tensor([3, 4]) };
export const moved: Tensors = {
  "body.norm.weight": tensor([4], 0.75),
  "embedding.token.weight": tensor([3, 4], 0.25),
};

export type LeaderOptions = Partial<ConstructorParameters<typeof ExchangeRounds>[0]>;

/** A leader of sources `fr` and `it`, and what they need to answer. */
export interface Party {
  /** The rounds of a leader. One that starts again is another. */
  lead(options?: LeaderOptions): ExchangeRounds;
  /** A silo, by its key or by another. */
  open(source: string, keys?: KeyPair): ReturnType<typeof siloInFolder>;
  /** Of the sources. */
  keys: Readonly<Record<string, KeyPair>>;
  files: TensorFiles;
  /** Of the exchange. */
  place: string;
  warnings: string[];
  signal: AbortSignal;
}

export async function withParty(use: (party: Party) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const [leaderKeys, fr, it] = [makeKeyPair(), makeKeyPair(), makeKeyPair()];
  const keys: Readonly<Record<string, KeyPair>> = { fr, it };
  const place = join(folder.path, "exchange");
  await using opened = new AsyncDisposableStack();
  const end = new AbortController();
  opened.defer(() => end.abort());
  const warnings: string[] = [];
  await use({
    keys,
    place,
    warnings,
    signal: end.signal,
    files: new TensorFiles(join(folder.path, "silo")),
    open: (source, own = keys[source]) =>
      opened.use(siloInFolder(place, {
        privateKey: own.privateKey,
        leaderKey: leaderKeys.publicKey,
        leaseMs: 60_000,
      })),
    lead: (options) =>
      new ExchangeRounds({
        exchange: opened.use(leaderInFolder(place, {
          run,
          privateKey: leaderKeys.privateKey,
          silos: { fr: fr.publicKey, it: it.publicKey },
        })),
        run,
        silos: "foreign",
        sendsAlike: true,
        averagesAdam: false,
        localSteps: 2,
        stepTokens: 8,
        totalSteps: 4,
        folder: join(folder.path, "answers"),
        failed: new Promise(() => {}),
        log: {
          ...silentLog,
          warn: (message, fields) => void warnings.push(`${message}: ${fields?.reason}`),
        },
        signal: end.signal,
        ...options,
      }),
  });
}

const taskOf = (name: string, round: number): LocalTask => ({
  name,
  round,
  stepsBefore: 0,
  shared: sent,
  held: null,
});

/** Has sources trained in a round. Returns what comes of each. */
export function train(rounds: ExchangeRounds, so: Partial<RoundSoFar> = {}, names = ["fr", "it"]) {
  const soFar = { round: 1, sampled: names.length, finished: 0, norms: [], ...so };
  const tasks = new Map(names.map((name) => [name, () => taskOf(name, soFar.round)]));
  const ahead = rounds.train(tasks, soFar);
  return (name: string): Promise<Answered> => ahead.get(name)!;
}

export const rest = { row: {}, exposure: [], held: "1".repeat(64), diverged: null };

export async function answer(
  { files }: Party,
  task: TakenTask,
  tensors: Tensors,
  others: JsonRecord = {},
): Promise<void> {
  const shared = await task.put(files.put(tensors).path);
  await task.answer({ ...rest, shared, optimizer: null, noted: null, ...others });
}

export async function take(party: Party, source: string, keys?: KeyPair): Promise<TakenTask> {
  return (await party.open(source, keys).take([source], party.signal))!;
}
