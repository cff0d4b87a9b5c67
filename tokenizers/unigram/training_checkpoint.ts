/**
 * Files that a training leaves in a folder. After a kill, the next training goes on from there to the same bytes.
 *
 *   training.json   the config it is for, written with the first of the others; of another config everything is dropped
 *   counting.json   documents read so far, and the runs on disk that hold all their words
 *   segments.bin    the counted segments: from here on no text is read
 *   round.bin       the candidates left in a round of pruning, and their probabilities
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, readIfThere, readTextIfThere, writeFileAtomic } from "../../base/mod.ts";
import type { UnigramConfig } from "./config.ts";
import { type Segments, segmentText } from "./segments.ts";

export interface CountingState {
  readonly documents: number;
  readonly bytes: number;
  /** Names of files in the folder. */
  readonly runs: readonly string[];
}

interface RoundState {
  /** Rounds of pruning that are done, and steps of EM of the next one. */
  readonly rounds: number;
  readonly iterations: number;
  readonly characterLogProb: number;
  /** Which of the seeds are left, ascending. */
  readonly kept: Int32Array<ArrayBuffer>;
  readonly probabilities: Float64Array;
}

const configFile = "training.json";

export class TrainingCheckpoint {
  readonly folder: string;
  readonly #config: string;

  constructor(folder: string, config: UnigramConfig) {
    this.folder = folder;
    this.#config = canonicalJson({ format: 4, config }) + "\n";
    Deno.mkdirSync(folder, { recursive: true });
    if (this.#isOfConfig()) return;
    for (const name of [configFile, "counting.json", "segments.bin", "round.bin"]) {
      this.#remove(name);
    }
  }

  readCounting(): CountingState | undefined {
    const text = readTextIfThere(join(this.folder, "counting.json"));
    return text === undefined ? undefined : JSON.parse(text);
  }

  writeCounting(state: CountingState): void {
    this.#write("counting.json", JSON.stringify(state) + "\n");
  }

  readSegments(): Segments | undefined {
    const bytes = readIfThere(join(this.folder, "segments.bin"));
    if (bytes === undefined) return undefined;
    const [alphabet, text, starts, counts] = unpack(bytes);
    return {
      alphabet: new Int32Array(alphabet),
      text: segmentText(alphabet.byteLength / 4, shared(text)),
      starts: new Int32Array(shared(starts)),
      counts: new Float64Array(shared(counts)),
    };
  }

  /** The counted words are not needed any more, and go. */
  writeSegments({ alphabet, text, starts, counts }: Segments): void {
    this.#write("segments.bin", pack([alphabet, text, starts, counts]));
    this.#remove("counting.json");
    for (const { name } of Deno.readDirSync(this.folder)) {
      if (name.endsWith(".run")) this.#remove(name);
    }
  }

  readRound(): RoundState | undefined {
    const bytes = readIfThere(join(this.folder, "round.bin"));
    if (bytes === undefined) return undefined;
    const [head, kept, probabilities] = unpack(bytes);
    const [rounds, iterations, characterLogProb] = new Float64Array(head);
    return {
      rounds,
      iterations,
      characterLogProb,
      kept: new Int32Array(kept),
      probabilities: new Float64Array(probabilities),
    };
  }

  writeRound({ rounds, iterations, characterLogProb, kept, probabilities }: RoundState): void {
    const head = Float64Array.of(rounds, iterations, characterLogProb);
    this.#write("round.bin", pack([head, kept, probabilities]));
  }

  #isOfConfig(): boolean {
    return readTextIfThere(join(this.folder, configFile)) === this.#config;
  }

  #write(name: string, data: Uint8Array | string): void {
    if (!this.#isOfConfig()) writeFileAtomic(join(this.folder, configFile), this.#config);
    writeFileAtomic(join(this.folder, name), data);
  }

  #remove(name: string): void {
    rmSync(join(this.folder, name), { force: true });
  }
}

/** Arrays one after the other, each after its length in bytes as a float64. */
function pack(arrays: readonly (Int16Array | Int32Array | Float64Array)[]): Uint8Array {
  const packed = new Uint8Array(arrays.reduce((sum, array) => sum + 8 + array.byteLength, 0));
  let at = 0;
  for (const array of arrays) {
    new DataView(packed.buffer).setFloat64(at, array.byteLength, true);
    packed.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at + 8);
    at += 8 + array.byteLength;
  }
  return packed;
}

function unpack(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const arrays: ArrayBuffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getFloat64(at, true);
    arrays.push(bytes.slice(at + 8, at + 8 + length).buffer);
    at += 8 + length;
  }
  return arrays;
}

function shared(buffer: ArrayBuffer): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return copy;
}
