/**
 * Workers of one silo, and what they do while another acts between two of their own steps.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeKeyPair, type TakenTask } from "../../exchange/mod.ts";
import { FolderBytes } from "../../exchange/folder.ts";
import { replyName } from "../../exchange/layout.ts";
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
  assert.equal(await task.isLost(), false);
  busy.afterLook = async () => {
    busy.afterLook = undefined;
    await task.answer({ lossNats: 1 });
  };
  assert.equal(await second.take(["it"], AbortSignal.timeout(300)), undefined);
  assert.equal(busy.afterLook, undefined, "it has looked");
});

/** A folder that is cut off for a while: operations wait. */
class FarFolder extends FolderBytes {
  #isBack: Promise<void> = Promise.resolve();

  /** Cuts it off. Returns what brings it back. */
  cut(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#isBack = promise;
    return resolve;
  }

  override async read(name: string, maxBytes: number) {
    await this.#isBack;
    return await super.read(name, maxBytes);
  }

  override async replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#isBack;
    await super.replace(name, bytes);
  }
}

const leaseMs = 200;

/** Two workers of a silo, the first of which has taken a task. */
async function withTwo(
  act: (parts: {
    readonly leader: Leader;
    readonly far: FarFolder;
    readonly task: TakenTask;
    readonly second: Silo;
    readonly holder: () => unknown;
  }) => Promise<void>,
): Promise<void> {
  using folder = temporaryFolder();
  await using leader = new Leader(new FolderBytes(folder.path), {
    run,
    privateKey: leaderKeys.privateKey,
    silos: { it: siloKeys.publicKey },
  });
  const options = { privateKey: siloKeys.privateKey, leaderKey: leaderKeys.publicKey, leaseMs };
  const far = new FarFolder(folder.path);
  await using first = new Silo(far, { ...options, worker: "first" });
  await using second = new Silo(new FolderBytes(folder.path), { ...options, worker: "second" });
  await leader.offer({ run, round: 1, source: "it", kind: "train" });
  const task = (await first.take(["it"], AbortSignal.timeout(5000)))!;
  const lease = join(folder.path, replyName(task.name, "working"));
  const holder = () => JSON.parse(Deno.readTextFileSync(lease)).worker;
  await act({ leader, far, task, second, holder });
}

async function fired(signal: AbortSignal): Promise<string> {
  const deadline = performance.now() + 10_000;
  while (!signal.aborted) {
    assert.ok(performance.now() < deadline, "expected a task that is lost");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return signal.reason.message;
}

Deno.test("a worker that was cut off finds that another holds its task, and leaves it there", () =>
  withTwo(async ({ far, task, second, holder }) => {
    const bringBack = far.cut();
    const taken = (await second.take(["it"], AbortSignal.timeout(10_000)))!;
    bringBack();
    // A write of the first that was under way may be the last: then the second finds that it has lost.
    const lost = await Promise.race([fired(task.lost), fired(taken.lost)]);
    assert.match(lost, /Cannot answer for it in round 1: another has taken it up/);
    await new Promise((resolve) => setTimeout(resolve, 2 * leaseMs));
    assert.notEqual(task.lost.aborted, taken.lost.aborted, "one of them has it");
    assert.equal(holder(), task.lost.aborted ? "second" : "first");
    const [loser, keeper] = task.lost.aborted ? [task, taken] : [taken, task];
    await loser.release();
    assert.notEqual(holder(), null, "who has lost it gives nothing back");
    await keeper.release();
    assert.equal(holder(), null);
  }));

Deno.test("a worker hears that its task was withdrawn, and that its lease is kept up", () =>
  withTwo(async ({ leader, task, second, holder }) => {
    assert.equal(await second.take(["it"], AbortSignal.timeout(3 * leaseMs)), undefined);
    assert.equal(await task.isLost(), false);
    await leader.withdraw(task.name);
    assert.match(await fired(task.lost), /its leader does not wait for it any more/);
    await task.release();
    assert.equal(holder(), "first", "it writes nothing more");
  }));
