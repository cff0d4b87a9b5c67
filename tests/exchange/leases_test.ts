/**
 * Workers of one silo, and what they do while another acts between two of their own steps.
 */
import assert from "node:assert/strict";
import { makeKeyPair } from "../../exchange/mod.ts";
import { FolderBytes } from "../../exchange/folder.ts";
import { Leader } from "../../exchange/leader.ts";
import type { Entry } from "../../exchange/named_bytes.ts";
import { Silo } from "../../exchange/silo.ts";
import { temporaryFolder } from "../support/command_line.ts";

const run = "a".repeat(64);
const [leaderKeys, siloKeys] = [makeKeyPair(), makeKeyPair()];

/** A folder where something happens right after it was looked for replies. */
class BusyFolder extends FolderBytes {
  afterLook: (() => Promise<void>) | undefined;

  override async list(folder: string): Promise<readonly Entry[]> {
    const entries = await super.list(folder);
    if (folder.includes("/replies/")) await this.afterLook?.();
    return entries;
  }
}

Deno.test("a worker does not take a task that another answers and gives back while it looks", async () => {
  using folder = temporaryFolder();
  await using leader = new Leader(new FolderBytes(folder.path), {
    run,
    privateKey: leaderKeys.privateKey,
    silos: { it: siloKeys.publicKey },
  });
  const options = { privateKey: siloKeys.privateKey, leaderKey: leaderKeys.publicKey };
  await using first = new Silo(new FolderBytes(folder.path), { ...options, worker: "first" });
  const busy = new BusyFolder(folder.path);
  await using second = new Silo(busy, { ...options, worker: "second" });
  await leader.offer({ run, round: 1, source: "it", kind: "train" });
  const task = (await first.take(["it"], new AbortController().signal))!;
  assert.equal(await task.isAnswered(), false);
  busy.afterLook = async () => {
    busy.afterLook = undefined;
    await task.answer({ lossNats: 1 });
  };
  assert.equal(await second.take(["it"], AbortSignal.timeout(300)), undefined);
  assert.equal(busy.afterLook, undefined, "it has looked");
  assert.equal(await task.isAnswered(), true);
});
