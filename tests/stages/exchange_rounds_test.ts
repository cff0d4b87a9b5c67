/**
 * What a leader reads of an exchange, and what it refuses.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  leaderInFolder,
  makeKeyPair,
  type ObjectRef,
  siloInFolder,
  type TakenTask,
} from "../../exchange/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { ExchangeRounds } from "../../stages/exchange_rounds.ts";
import { TensorFiles, type Tensors, tensorsOf } from "../../training/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

const tensor = (...shape: number[]) => ({
  shape,
  data: new Float32Array(shape.reduce((size, n) => size * n, 1)).fill(0.5),
});
const sent: Tensors = { "body.norm.weight": tensor(4), "embedding.token.weight": tensor(3, 4) };

/** What the leader makes of an answer with these tensors, which a silo signs and sends. */
async function answeredWith(tensors: Tensors): Promise<readonly string[]> {
  using folder = temporaryFolder();
  const [leaderKeys, siloKeys] = [makeKeyPair(), makeKeyPair()];
  const run = "0".repeat(64);
  const { signal } = new AbortController();
  const place = join(folder.path, "exchange");
  await using exchange = leaderInFolder(place, {
    run,
    privateKey: leaderKeys.privateKey,
    silos: { it: siloKeys.publicKey },
  });
  await using silo = siloInFolder(place, {
    privateKey: siloKeys.privateKey,
    leaderKey: leaderKeys.publicKey,
  });
  const rounds = new ExchangeRounds({
    exchange,
    run,
    sendsAlike: true,
    localSteps: 2,
    stepTokens: 8,
    totalSteps: 2,
    folder: join(folder.path, "answers"),
    failed: Promise.withResolvers<never>().promise,
    log: silentLog,
    signal,
  });
  const task = { name: "it", round: 1, stepsBefore: 0, shared: sent, held: null };
  const waiting = rounds.train(new Map([["it", () => task]])).get("it")!;
  const files = new TensorFiles(join(folder.path, "silo"));
  await answer((await silo.take(["it"], signal))!, (taken) => taken.put(files.put(tensors).path));
  const { made } = await (await waiting)();
  return Object.keys(tensorsOf(made!.shared));
}

async function answer(
  task: TakenTask,
  put: (task: TakenTask) => Promise<ObjectRef>,
): Promise<void> {
  const shared = await put(task);
  const rest = { row: {}, exposure: [], held: "1".repeat(64), diverged: null };
  await task.answer({ ...rest, shared, optimizer: null, noted: null });
}

Deno.test("ExchangeRounds takes a result of the tensors that were sent, and names the one in which another differs", async () => {
  assert.deepEqual(await answeredWith(sent), Object.keys(sent));
  const { "body.norm.weight": norm, "embedding.token.weight": table } = sent;
  const others: readonly (readonly [Tensors, string])[] = [
    [{ "body.norm.weight": norm }, 'expected shape [3, 4] of "embedding.token.weight", found none'],
    [
      { "body.norm.weight": norm, "embedding.token.weight": tensor(2, 4) },
      'expected shape [3, 4] of "embedding.token.weight", found shape [2, 4]',
    ],
    [
      { "body.norm.weight": tensor(2, 2), "embedding.token.weight": table },
      'expected shape [4] of "body.norm.weight", found shape [2, 2]',
    ],
    [
      { "body.norm.other": norm, "embedding.token.weight": table },
      'expected none of "body.norm.other", found shape [4]',
    ],
  ];
  for (const [tensors, why] of others) {
    await assert.rejects(answeredWith(tensors), {
      name: "StageError",
      message: `Cannot take the answer of it in round 1: ${why}`,
    });
  }
});
