/**
 * How far llama.cpp is from a model: its GELU and its missing bytes, put into our own graph and measured on text.
 */
import { join } from "node:path";
import { writePartsSynced } from "../../base/mod.ts";
import {
  exportedGraph,
  type ExportedGraphOptions,
  ExportedSession,
  storedModel,
} from "../../engine/onnxruntime/exported/mod.ts";
import { specialIds } from "../../tokenizers/mod.ts";
import type { AnyModel } from "./export_format.ts";

export interface GgufEffects {
  /** Tokens that were predicted, and the bytes of text that they stand for. */
  readonly tokens: number;
  readonly bytes: number;
  /** Bits per byte of the model. */
  readonly exact: number;
  /** The same with llama.cpp's GELU, and the furthest that a token's log probability is off. */
  readonly table: number;
  readonly furthest: number;
  /** Tokens that llama.cpp does not read, and bits per byte with `<unk>` in the place of each run of them. */
  readonly lost: number;
  readonly withLost: number;
}

type Windows = readonly Int32Array[];

/**
 * @param lostIds Ids that llama.cpp encodes no text to
 * @param folder Takes files of the model's size for the while
 * @returns undefined where there is no text
 */
export async function measureEffects(
  model: AnyModel,
  windows: Windows,
  lostIds: readonly number[],
  folder: string,
): Promise<GgufEffects | undefined> {
  const tokens = windows.reduce((sum, ids) => sum + ids.length - 1, 0);
  const byteLength = (id: number) => model.tokenizer.byteLength(id);
  const bytes = windows.reduce(
    (sum, ids) => ids.subarray(1).reduce((part, id) => part + byteLength(id), sum),
    0,
  );
  if (bytes === 0) return undefined;
  const lost = new Set(lostIds);
  const read = windows.map((ids) => withoutLost(ids, lost));
  const [exact] = await lossesOf(model, "own", [windows], folder);
  const [table, withLost] = await lossesOf(model, "llama.cpp", [windows, read], folder);
  const bitsPerByte = (losses: readonly number[]) =>
    losses.reduce((sum, loss) => sum + loss, 0) / Math.LN2 / bytes;
  return {
    tokens,
    bytes,
    exact: bitsPerByte(exact),
    table: bitsPerByte(table),
    furthest: exact.reduce((most, loss, i) => Math.max(most, Math.abs(loss - table[i])), 0),
    lost: windows.reduce((sum, ids) => sum + ids.filter((id) => lost.has(id)).length, 0),
    withLost: bitsPerByte(withLost),
  };
}

/** A run of ids that llama.cpp does not read is one `<unk>` to it. */
export function withoutLost(ids: Int32Array, lost: ReadonlySet<number>): Int32Array {
  return ids.map((id) => lost.has(id) ? specialIds.unknown : id)
    .filter((id, i, all) =>
      id !== specialIds.unknown || i === 0 || all[i - 1] !== specialIds.unknown
    );
}

/** Loss in nats of every token but the first of each window, for each list of windows. */
async function lossesOf(
  { config, tensors }: AnyModel,
  gelu: ExportedGraphOptions["gelu"],
  lists: readonly Windows[],
  folder: string,
): Promise<readonly number[][]> {
  const place = Deno.makeTempDirSync({ dir: folder });
  try {
    const files = storedModel(exportedGraph(config, tensors, { gelu }), "model.onnx");
    for (const { name, parts } of files) writePartsSynced(join(place, name), parts);
    const session = await ExportedSession.open(join(place, files[0].name), config, { threads: 1 });
    const losses: number[][] = [];
    for (const windows of lists) {
      const some: number[] = [];
      for (const ids of windows) {
        session.reset();
        const logits = await session.read(ids);
        for (let t = 1; t < ids.length; t++) {
          const from = (t - 1) * config.vocabSize;
          some.push(loss(logits.subarray(from, from + config.vocabSize), ids[t]));
        }
      }
      losses.push(some);
    }
    await session.dispose();
    return losses;
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
}

/** Negative log probability, in nats. */
function loss(logits: Float32Array, id: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return most + Math.log(sum) - logits[id];
}
