import assert from "node:assert/strict";
import { StageError } from "../../base/mod.ts";
import {
  type Checkpoint,
  CheckpointStore,
  fillCheckpoint,
  readCheckpoint,
  unpackState,
  writeCheckpoint,
} from "../../training/mod.ts";
import { isStored, type JsonObject } from "../../training/checkpoint.ts";
import { RunRows } from "../../training/run_rows.ts";
import { fuzzCheckpoints } from "../instruments/checkpoints_fuzz.ts";

const checkpoint = (step: number): Checkpoint => ({
  groups: {
    model: { w: { shape: [2], data: Float32Array.of(step, 0.1) } },
    "local-it": { e: { shape: [1, 1], data: Float32Array.of(-step) } },
  },
  state: { step, list: [1, null, "x"] },
});

function withFolder(use: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("readCheckpoint() gives back what writeCheckpoint() and fillCheckpoint() wrote", () =>
  withFolder((folder) => {
    writeCheckpoint(`${folder}/a`, checkpoint(3));
    assert.deepEqual(readCheckpoint(`${folder}/a`), checkpoint(3));
    Deno.mkdirSync(`${folder}/b`);
    fillCheckpoint(`${folder}/b`, checkpoint(3));
    assert.deepEqual(readCheckpoint(`${folder}/b`), checkpoint(3));
    assert.deepEqual(names(folder), ["a", "b"]);
    assert.deepEqual(names(`${folder}/a`), [
      "DONE",
      "local-it.safetensors",
      "model.safetensors",
      "state.json",
    ]);
  }));

Deno.test("readCheckpoint() refuses a checkpoint that is unfinished or damaged, naming the file", () =>
  withFolder((folder) => {
    const fails = (damage: (path: string) => void, message: RegExp) => {
      const path = `${folder}/${crypto.randomUUID()}`;
      writeCheckpoint(path, checkpoint(1));
      damage(path);
      assert.throws(() => readCheckpoint(path), (error) => {
        assert.ok(error instanceof StageError);
        assert.match(error.message, message);
        return true;
      });
    };
    fails((path) => Deno.removeSync(`${path}/DONE`), /expected a whole DONE, found none/);
    fails((path) => Deno.truncateSync(`${path}/DONE`, 9), /expected a whole DONE, found none/);
    fails(
      (path) => Deno.truncateSync(`${path}/model.safetensors`, 80),
      /"model.safetensors" as DONE/,
    );
    fails(
      (path) => Deno.writeTextFileSync(`${path}/state.json`, "{}"),
      /"state.json" as DONE has it/,
    );
    fails(
      (path) => Deno.removeSync(`${path}/local-it.safetensors`),
      /file "local-it.safetensors", found none/,
    );
  }));

/** The digests that a checkpoint names, by group. */
function named(folder: string, number: number): Record<string, string> {
  const [, text] = Deno.readTextFileSync(`${folder}/checkpoint-00000${number}`).split("\n");
  const { held, stored } = JSON.parse(text);
  return { ...held, ...stored };
}

Deno.test("CheckpointStore keeps two and falls back to the one before when the last is damaged", () =>
  withFolder((folder) => {
    const store = new CheckpointStore(`${folder}/c`);
    assert.equal(store.latest(), undefined);
    for (const step of [1, 2, 3]) store.write(checkpoint(step));
    assert.deepEqual(names(store.folder), [".parts", "checkpoint-000002", "checkpoint-000003"]);
    assert.deepEqual(
      names(`${folder}/c/.parts`),
      [2, 3].flatMap((number) => Object.values(named(store.folder, number)))
        .map((digest) => `${digest}.safetensors`).sort(),
    );
    assert.deepEqual(store.latest(), checkpoint(3));
    Deno.truncateSync(`${folder}/c/.parts/${named(store.folder, 3).model}.safetensors`, 4);
    assert.deepEqual(store.latest(), checkpoint(2));
    Deno.truncateSync(`${store.folder}/checkpoint-000003`, 80);
    assert.deepEqual(new CheckpointStore(store.folder).latest(), checkpoint(2));
    // A restart numbers on, and what it writes is the latest again.
    new CheckpointStore(store.folder).write(checkpoint(4));
    assert.deepEqual(new CheckpointStore(store.folder).latest(), checkpoint(4));
  }));

Deno.test("CheckpointStore writes the same tensors once, and takes them for new when their file has gone", () =>
  withFolder((folder) => {
    const store = new CheckpointStore(folder);
    const { groups } = checkpoint(1);
    store.write({ groups, state: { step: 1 } });
    const path = `${folder}/.parts/${named(folder, 1).model}.safetensors`;
    const { ino } = Deno.statSync(path);
    store.write({ groups, state: { step: 2 } });
    assert.equal(Deno.statSync(path).ino, ino);
    assert.deepEqual(names(`${folder}/.parts`).length, 2);
    for (const step of [3, 4]) store.write({ groups: {}, state: { step } });
    assert.deepEqual(names(`${folder}/.parts`), []);
    store.write({ groups, state: { step: 5 } });
    assert.deepEqual(store.latest(), { groups, state: { step: 5 } });
  }));

Deno.test("CheckpointStore leaves in their files the tensors that were there, and reads them when asked", () =>
  withFolder((folder) => {
    const store = new CheckpointStore(folder);
    const { model } = checkpoint(1).groups;
    store.write({ groups: { model: store.files.put(model) }, state: {} });
    const { model: found } = new CheckpointStore(folder).latest()!.groups;
    assert.ok(isStored(found));
    assert.deepEqual(found.read(), model);
    assert.deepEqual(found.tensor("w"), model.w);
    const second = new Float32Array(1);
    found.fill("w", 1, second);
    assert.deepEqual(second, Float32Array.of(0.1));
    assert.throws(
      () => found.tensor("v"),
      /^StageError: Cannot read tensor "v" of ".*": expected it/,
    );
    // Into a folder of its own it is copied, and is no other than what was written.
    Deno.mkdirSync(`${folder}/out`);
    fillCheckpoint(`${folder}/out`, { groups: { model: found }, state: {} });
    assert.deepEqual(readCheckpoint(`${folder}/out`), { groups: { model }, state: {} });
    const { model: unread } = new CheckpointStore(folder).latest()!.groups;
    assert.ok(isStored(unread));
    Deno.truncateSync(found.path, 20);
    assert.throws(() => unread.tensor("w"), /expected 8 bytes, found 0/);
    assert.throws(
      () => fillCheckpoint(`${folder}/out`, { groups: { model: found }, state: {} }),
      /^StageError: Cannot copy tensors: .* found other bytes/,
    );
  }));

Deno.test("CheckpointStore removes what a killed writer left", () =>
  withFolder((folder) => {
    new CheckpointStore(folder).files.put(checkpoint(1).groups.model);
    Deno.writeTextFileSync(`${folder}/checkpoint-000001.abc.tmp`, "");
    Deno.writeTextFileSync(`${folder}/.parts/abc.tmp`, "");
    new CheckpointStore(folder);
    assert.deepEqual(names(folder), [".parts"]);
    assert.deepEqual(names(`${folder}/.parts`), []);
  }));

Deno.test("CheckpointStore passes a damaged checkpoint over with a line, whatever the damage", () => {
  const { read, refused, failures } = fuzzCheckpoints(300, 0, 17);
  assert.deepEqual(failures, []);
  assert.ok(refused > 200 && read < 50, `${read} read, ${refused} refused`);
});

Deno.test("unpackState() refuses places that lead out of the state", () => {
  const w = { shape: [1], data: Float32Array.of(1) };
  for (const place of [["__proto__", "w"], ["constructor", "prototype"], ["a", "b"], [], "x"]) {
    const state = { data: {}, places: { g: place } };
    assert.throws(
      () => unpackState({ groups: { g: { w } }, state: state as unknown as JsonObject }),
      /^StageError: Cannot read the state of a checkpoint/,
    );
  }
  assert.ok(!("w" in {}));
});

Deno.test("RunRows goes on from what a checkpoint says, and cuts off what was written after it", () =>
  withFolder((folder) => {
    const path = `${folder}/new/rows.jsonl`;
    const first = new RunRows(path);
    assert.deepEqual(first.goOnFrom(undefined), []);
    first.add({ at: 1 });
    first.add({ at: 2 });
    const { place } = first;
    assert.equal(place.bytes, 2 * '{"at":1}\n'.length);
    first.add({ at: 3 });
    Deno.writeTextFileSync(path, '{"at":4,"c', { append: true }); // a kill has cut it
    const second = new RunRows(path);
    assert.deepEqual(second.goOnFrom(place), [{ at: 1 }, { at: 2 }]);
    second.add({ at: 3, again: true });
    assert.deepEqual(second.all(), [{ at: 1 }, { at: 2 }, { at: 3, again: true }]);
    assert.deepEqual(new RunRows(path).goOnFrom(second.place).length, 3);
    // Without a checkpoint nothing counts.
    assert.deepEqual(new RunRows(path).goOnFrom(undefined), []);
    assert.equal(Deno.readTextFileSync(path), "");
    for (const text of ['{"at":1}\n', '{"at":1}\n{"at":0}\n']) {
      Deno.writeTextFileSync(path, text);
      assert.throws(
        () => new RunRows(path).goOnFrom(place),
        /^StageError: Cannot go on with the rows of ".*rows\.jsonl": expected the 18 bytes .* found (9|others)$/,
      );
    }
  }));
