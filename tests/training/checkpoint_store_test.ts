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
import type { JsonObject } from "../../training/checkpoint.ts";
import { StepRows } from "../../training/step_rows.ts";
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

Deno.test("CheckpointStore keeps two and falls back to the one before when the last is damaged", () =>
  withFolder((folder) => {
    const store = new CheckpointStore(`${folder}/c`);
    assert.equal(store.latest(), undefined);
    for (const step of [1, 2, 3]) store.write(checkpoint(step));
    assert.deepEqual(names(store.folder), ["checkpoint-000002", "checkpoint-000003"]);
    assert.deepEqual(store.latest(), checkpoint(3));
    const last = `${store.folder}/checkpoint-000003`;
    Deno.truncateSync(`${last}/model.safetensors`, 4);
    assert.deepEqual(store.latest(), checkpoint(2));
    Deno.removeSync(`${last}/DONE`);
    assert.deepEqual(new CheckpointStore(store.folder).latest(), checkpoint(2));
    // A restart numbers on, and what it writes is the latest again.
    new CheckpointStore(store.folder).write(checkpoint(4));
    assert.deepEqual(new CheckpointStore(store.folder).latest(), checkpoint(4));
  }));

Deno.test("CheckpointStore links groups that are the same object, with the same content for a reader", () =>
  withFolder((folder) => {
    const store = new CheckpointStore(folder);
    const { groups } = checkpoint(1);
    store.write({ groups, state: 1 });
    store.write({ groups: { ...groups, model: checkpoint(2).groups.model }, state: 2 });
    const inode = (number: number, file: string) =>
      Deno.statSync(`${folder}/checkpoint-00000${number}/${file}.safetensors`).ino;
    assert.equal(inode(1, "local-it"), inode(2, "local-it"));
    assert.notEqual(inode(1, "model"), inode(2, "model"));
    store.write({ groups, state: 3 }); // removes the first
    assert.deepEqual(store.latest(), { groups, state: 3 });
  }));

Deno.test("CheckpointStore removes what a killed writer left", () =>
  withFolder((folder) => {
    Deno.mkdirSync(`${folder}/checkpoint-000001.abc.tmp`);
    new CheckpointStore(folder);
    assert.deepEqual(names(folder), []);
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

Deno.test("StepRows names a damaged line", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/rows.jsonl`, '{"at":1,"row":{}}\n{"at":2,"r\u0000w":{}}\n');
    assert.throws(
      () => new StepRows(`${folder}/rows.jsonl`),
      /rows\.jsonl", line 2: expected a row and its place, found a damaged line; --force begins again/,
    );
  }));
