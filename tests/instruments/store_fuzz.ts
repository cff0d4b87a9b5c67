/**
 * Damaged files of a store, and damaged messages of its processes: each is read or refused with a sentence, and no command ends
 * in a stack.
 *
 *     deno task instruments store-fuzz [--count 20000] [--first 0] [--seed 17] [--kind manifests|records|messages]
 *
 * Half of the copies have damaged bytes, half are JSON still, with values of other kinds. What is read as a manifest or a record
 * is put into a store, where every command is called.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { RunView } from "../../commands/run_view.ts";
import { type Manifest, readManifest, sealed } from "../../pipeline/manifest.ts";
import { type ChildMessage, decodeLine, encodeMessage } from "../../pipeline/protocol.ts";
import { readRunRecord } from "../../pipeline/run_records.ts";
import { toyHere } from "../support/captured.ts";
import { finishedStore, inTemporaryFolder, namesIn } from "../support/toy_cli.ts";
import { mutated, restructured, type Sample } from "./mutations.ts";
import { type FuzzRange, rangeOf, rangeOptions } from "./fuzz_range.ts";

export interface FuzzResult {
  readonly read: number;
  readonly refused: number;
}

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Copy number `index` of one of the samples, each of one JSON value a line. */
function damaged(samples: readonly Sample[], seed: number, index: number): string {
  if (index % 2 === 0) return decode(mutated(samples, seed, index).bytes);
  const lines = decode(samples[(index >> 1) % samples.length].bytes).split("\n");
  const at = (index >> 2) % Math.max(1, lines.length - 1);
  const line = { name: "", bytes: encode(lines[at]) };
  return lines.with(at, decode(restructured(line, seed, index).bytes)).join("\n");
}

/** Reads damaged copies. @param afterRead What else must hold of those that were read */
async function fuzz(
  samples: readonly Sample[],
  { count, first, seed }: FuzzRange,
  read: (text: string, index: number) => Promise<boolean> | boolean,
): Promise<FuzzResult> {
  let [taken, refused] = [0, 0];
  for (let index = first; index < first + count; index++) {
    const text = damaged(samples, seed, index);
    try {
      if (await read(text, index)) taken++;
      else refused++;
    } catch (cause) {
      throw new Error(`Copy ${index} of seed ${seed}: ${text}`, { cause });
    }
  }
  return { read: taken, refused };
}

/** Calls commands on a store and looks at how they end. */
async function callAll(store: string, commands: readonly (readonly string[])[]): Promise<void> {
  for (const args of commands) {
    const { code, stdout, stderr } = await toyHere(store, args);
    const said = `${args.join(" ")}, code ${code}: ${stdout}${stderr}`;
    assert.ok([0, 1, 2, 3].includes(code), said);
    assert.doesNotMatch(said, /^ +at .*:\d+:\d+\)?$|Cannot read properties|is not a function/m);
  }
}

function samplesIn(folder: string): Sample[] {
  return namesIn(folder).map((name) => ({ name, bytes: Deno.readFileSync(join(folder, name)) }));
}

/** Manifests of a toy store, each as it is and without the digest that older versions did not write. */
export async function fuzzManifests(folder: string, options: FuzzRange): Promise<FuzzResult> {
  const store = join(folder, "store");
  await finishedStore(store);
  const manifests = samplesIn(join(store, "manifests")).map(({ name, bytes }) => {
    const { digest: _, ...rest } = JSON.parse(decode(bytes)) as Manifest;
    return { name: name.slice(0, -".json".length), manifest: rest };
  });
  const samples = manifests.flatMap(({ name, manifest }) =>
    [manifest, sealed(manifest)].map((it) => ({ name, bytes: encode(JSON.stringify(it)) }))
  );
  return await fuzz(samples, options, async (text) => {
    const key = manifests.find(({ name }) => text.includes(`"key":"${name}"`))?.name;
    const { manifest, fault } = readManifest(text, key ?? manifests[0].name);
    if (manifest === undefined) {
      assert.ok(fault.expected.length > 0 && fault.found.length > 0);
      return false;
    }
    const { digest, ...rest } = manifest;
    if (digest !== undefined) {
      assert.deepEqual(
        rest,
        manifests.find(({ name }) => name === key)!.manifest,
      );
    }
    const path = join(store, "manifests", `${key}.json`);
    const own = Deno.readFileSync(path);
    Deno.writeTextFileSync(path, text);
    await callAll(store, [
      ["status"],
      ["why", manifest.record.stage, "--json"],
      ["why", manifest.record.stage],
      ["run", "--dry-run"],
      ["gc", "--days", "0", "--dry-run"],
    ]);
    Deno.writeFileSync(path, own);
    return true;
  });
}

/** Records of what was run in a toy store. */
export async function fuzzRecords(folder: string, options: FuzzRange): Promise<FuzzResult> {
  const store = join(folder, "store");
  await finishedStore(store);
  const runs = join(store, "runs");
  const [name] = namesIn(runs);
  return await fuzz(samplesIn(runs), options, async (text, index) => {
    const { record, fault } = readRunRecord(text, "runs/x.jsonl");
    if (record === undefined) assert.match(fault, /^expected /);
    else {
      assert.equal(typeof record.identity.recipe, "string");
      for (const [id, key] of record.keys) assert.match(`${id} ${key}`, / [0-9a-f]{64}$/);
    }
    if (record === undefined && index % 50 > 0) return false; // the same few sentences
    Deno.writeTextFileSync(join(runs, name), text);
    await callAll(store, [["gc", "--dry-run"], ["gc", "--days", "0", "--dry-run"], ["status"]]);
    return record !== undefined;
  });
}

const messages: readonly ChildMessage[] = [
  { type: "log", level: "warn", message: "a warning", fields: { step: 3, "loss nats": 2.5 } },
  { type: "log", level: "info", message: "profile", fields: { forwardBackward: 12, optimizer: 3 } },
  { type: "progress", state: { done: 3, total: 8, unit: "steps", lossNats: 2, tokens: 64 } },
  { type: "progress", state: { done: 3, total: 0, unit: "rows", note: "source it" } },
  { type: "checkpoint", name: "step-3" },
  {
    type: "done",
    summary: { words: 3, tokens: null },
    outputs: { words: [{ path: "words.txt", bytes: 5, chunks: ["a".repeat(64)] }] },
    peakMemoryBytes: 1e8,
  },
  { type: "failed", message: "Cannot go on", stack: "Error: Cannot go on", isExpected: true },
  { type: "stopped", isClean: true },
];

/** Lines that processes of instances write: what is no message was printed, and every message can be shown. */
export async function fuzzMessages(options: FuzzRange): Promise<FuzzResult> {
  const mark = encodeMessage(messages[0])[0];
  const samples = messages.map((message) => ({
    name: message.type,
    bytes: encode(encodeMessage(message).slice(mark.length)),
  }));
  return await fuzz(samples, options, (text) => {
    const line = `printed${mark}${text.trimEnd()}`;
    const { message, printed } = decodeLine(line);
    if (message === undefined) {
      assert.equal(printed, line);
      return false;
    }
    show(message);
    return true;
  });
}

/** Shows a message as `run` does. */
function show(message: ChildMessage): void {
  const screen = {
    isTerminal: true,
    size: () => ({ columns: 80, rows: 24 }),
    write() {},
    writeError() {},
  };
  const view = new RunView(screen, { isVerbose: true, showsProfiles: true });
  const instance = "words/a";
  const key = "a".repeat(64);
  view.show({ type: "started", instance, key, reason: "new", isResumed: false, place: "here" });
  switch (message.type) {
    case "checkpoint":
      return view.show({ type: "checkpoint", instance, key });
    case "log":
    case "progress":
      view.show({ ...message, instance });
      return view.tick();
    case "failed":
      return view.show({ type: "failed", instance, log: "", message: message.message });
    case "done":
      return view.show({
        type: "done",
        instance,
        key,
        durationMs: 1,
        summary: message.summary,
        outputs: {},
      });
    case "stopped":
      return view.show({ type: "stopped", instance });
  }
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...rangeOptions,
      kind: { type: "string" },
    },
  });
  const options = rangeOf(values);
  const kinds = {
    manifests: (folder: string) => fuzzManifests(folder, options),
    records: (folder: string) => fuzzRecords(folder, options),
    messages: () => fuzzMessages(options),
  };
  for (const [kind, run] of Object.entries(kinds)) {
    if (values.kind !== undefined && values.kind !== kind) continue;
    await inTemporaryFolder(async (folder) => {
      const { read, refused } = await run(folder);
      console.log(`${options.count} damaged ${kind}: ${read} read, ${refused} refused, 0 failures`);
    });
  }
}
