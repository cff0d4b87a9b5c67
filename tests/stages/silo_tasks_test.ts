/**
 * What a silo gets of a leader, and what it has already.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { ObjectRef, TakenTask } from "../../exchange/mod.ts";
import { SiloTasks } from "../../stages/silo_tasks.ts";
import type { Tensors } from "../../training/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { encodeSafetensors } from "../training/support.ts";

const ofRound = (round: number): Tensors => ({ w: { shape: [1], data: Float32Array.of(round) } });

Deno.test("SiloTasks gets shared parameters once, for a score and for the training after it", async () => {
  using folder = temporaryFolder();
  const got: number[] = [];
  const [trained, scored]: [number[], number[]] = [[], []];
  const valueOf = (shared: Tensors) => shared.w.data[0];
  const start = () =>
    new SiloTasks({
      train({ shared }) {
        trained.push(valueOf(shared));
        const row = { steps: 1 };
        return Promise.resolve({ row, exposure: [], held: "0".repeat(64), diverged: "not at all" });
      },
      score({ shared }) {
        scored.push(valueOf(shared));
        return Promise.resolve({ lossNats: 1, tokens: 1, unknownShare: 0 });
      },
      forget() {},
    }, join(folder.path, "files"));
  let tasks = start();
  const asked = (kind: string, round: number, value: number) => {
    const shared = { area: "shared", round, digest: String(value).repeat(64), bytes: 4 } as const;
    const head = {
      run: "a".repeat(64),
      round,
      source: "it",
      kind,
      shared,
      optimizer: null,
      held: null,
    };
    return {
      head,
      lost: new AbortController().signal,
      get({ digest }: ObjectRef, file: string) {
        got.push(Number(digest[0]));
        Deno.writeFileSync(file, encodeSafetensors(ofRound(Number(digest[0]))));
        return Promise.resolve();
      },
      answer: (answer: unknown) => Promise.resolve(answer),
    } as unknown as TakenTask;
  };
  await tasks.answer(asked("train", 1, 1));
  await tasks.answer(asked("score", 2, 2));
  tasks = start(); // it was killed
  await tasks.answer(asked("train", 2, 2));
  await tasks.answer(asked("score", 3, 3));
  assert.deepEqual([trained, scored, got], [[1, 2], [2, 3], [1, 2, 3]]);
  const names = [...Deno.readDirSync(join(folder.path, "files"))].map(({ name }) => name);
  const [kept, ...more] = names.filter((name) => name !== "last.json");
  assert.deepEqual(more, [], "what came before is gone");
  Deno.writeTextFileSync(join(folder.path, "files", kept), "damaged");
  await tasks.answer(asked("train", 3, 3));
  assert.deepEqual([trained.at(-1), got.at(-1), got.length], [3, 3, 4]);
});
