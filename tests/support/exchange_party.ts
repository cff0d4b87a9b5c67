/**
 * A leader or a worker of a silo as a process that may be killed at any moment: reads a `PartySetup` from its argument.
 *
 * What a worker answers is a function of its task alone: the digest of what it was sent, and a file that is drawn from the head. The leader
 * knows nothing but what lies in the exchange. Where it ends, it prints the records of all rounds.
 */
import { join } from "node:path";
import { canonicalJson, sha256, sha256OfFile } from "../../base/mod.ts";
import {
  type JsonRecord,
  type ObjectRef,
  openLeader,
  openSilo,
  type PlaceOptions,
  type TaskHead,
} from "../../exchange/mod.ts";

export type PlaceAccess = Pick<PlaceOptions, "s3" | "nats">;

export interface PartySetup {
  readonly url: string;
  /** Who it is there. */
  readonly access?: PlaceAccess;
  /** An empty folder of its own. */
  readonly folder: string;
  readonly rounds: number;
  /** `leader`, or the name of a source. */
  readonly party: string;
  readonly run: string;
  readonly privateKey: string;
  readonly leaderKey: string;
  readonly silos: Readonly<Record<string, string>>;
}

/** A file of some 100 kB that a text names. */
function drawn(text: string): string {
  return sha256(text).repeat(1500);
}

export async function lead(
  { url, access, folder, rounds, ...options }: PartySetup,
): Promise<JsonRecord[]> {
  await using exchange = await openLeader(url, { ...options, ...access, offerAgainMs: 2000 });
  const records: JsonRecord[] = [];
  const { signal } = new AbortController();
  for (let round = 1; round <= rounds; round++) {
    let record = await exchange.closed(round);
    if (record === undefined) {
      const path = join(folder, "shared");
      Deno.writeTextFileSync(path, drawn(canonicalJson({ round, before: records.at(-1) ?? null })));
      const shared = await exchange.put("shared", round, path);
      const heads = Object.keys(options.silos).map((source): TaskHead => (
        { run: options.run, round, source, shared }
      ));
      const tasks = await Promise.all(heads.map((head) => exchange.offer(head)));
      const came: Record<string, JsonRecord> = {};
      for await (const reply of exchange.replies(tasks, signal)) {
        if (reply.kind !== "answer") continue;
        const { source } = reply.task;
        const got = join(folder, "got");
        await exchange.get(source, reply.answer.file as ObjectRef, got, 1 << 20);
        came[source] = { ...reply.answer, content: sha256OfFile(got) };
      }
      record = await exchange.closeRound(round, came);
    }
    records.push(record);
    await exchange.forget(round);
  }
  return records;
}

export async function work(setup: PartySetup, signal: AbortSignal): Promise<void> {
  const { url, access, folder, party, ...options } = setup;
  await using exchange = await openSilo(url, { ...options, ...access, worker: party });
  for (;;) {
    const task = await exchange.take([party], signal);
    if (task === undefined) return;
    const path = join(folder, "file");
    try {
      await task.get(task.head.shared as ObjectRef, path);
    } catch (error) {
      await task.decline({ why: String(error) }); // its round was forgotten since
      continue;
    }
    const received = sha256OfFile(path);
    task.note({ received });
    Deno.writeTextFileSync(path, drawn(canonicalJson(task.head)));
    await task.answer({ received, file: await task.put(path) });
  }
}

if (import.meta.main) {
  const setup: PartySetup = JSON.parse(Deno.args[0]);
  if (setup.party === "leader") console.log(JSON.stringify(await lead(setup)));
  else await work(setup, new AbortController().signal);
}
