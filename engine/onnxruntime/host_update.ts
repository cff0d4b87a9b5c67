/**
 * The optimizer's loops over a program's tensors, on several threads.
 *
 * ONNX Runtime refuses arrays over shared memory, so the threads are told where ordinary ones lie. They take chunks of one
 * size as they come, and sums of chunks are added in the order of the chunks: the number of threads does not change a result.
 */
/// <reference lib="deno.worker" />
import { assemblyCode } from "./assembly_code.ts";
import type { AdamWStep } from "../adamw_step.ts";
import { adamWOf, type AdamWTensor, type ApplyAdamW, sumOfSquares } from "./adamw.ts";

/** Elements. */
const chunkSize = 2 ** 16;
/** Elements of each array that `adamWOf` works on at once: the four take 256 KB, which stay in a processor's second cache. */
const blockSize = 16_384;
/** With fewer elements a thread costs more than it gains: its start takes 30 ms, a step 3 ms. */
const fewestElements = 2 ** 20;
/** More threads gain nothing: the speed of memory is the limit. */
const mostThreads = 8;

/** Each chunk's tensor and first element, in order. `next` and `sums` are shared between threads. */
interface Chunks {
  readonly size: number;
  readonly tensors: Int32Array;
  readonly starts: Int32Array;
  /** One element: the next chunk that no thread has taken. */
  readonly next: Int32Array;
  /** A chunk's sum of squares. */
  readonly sums: Float64Array;
}

/** The steps of all tensors; without them squares are summed. */
type Steps = readonly AdamWStep[] | undefined;

export class HostUpdate {
  readonly #tensors: readonly AdamWTensor[];
  readonly #chunks: Chunks;
  readonly #code = Uint8Array.fromBase64(assemblyCode);
  readonly #apply = adamWOf(this.#code, blockSize);
  readonly #threadCount: number;
  #threads: readonly UpdateThread[] | undefined;

  /** @param threads the calling one included; the arrays of `tensors` must stay where they are */
  constructor(tensors: readonly AdamWTensor[], threads: number) {
    this.#tensors = tensors;
    this.#chunks = chunksOf(tensors.map(({ value }) => value.length));
    const elements = tensors.reduce((sum, { value }) => sum + value.length, 0);
    this.#threadCount = elements < fewestElements ? 1 : Math.min(threads, mostThreads);
  }

  /** The sum of squares of each tensor's gradient. */
  async squares(): Promise<number[]> {
    await this.#work(undefined);
    const squares = this.#tensors.map(() => 0);
    const { tensors, sums } = this.#chunks;
    for (let chunk = 0; chunk < tensors.length; chunk++) squares[tensors[chunk]] += sums[chunk];
    return squares;
  }

  /** Takes a step of AdamW, with the numbers of each tensor's step. */
  async step(steps: readonly AdamWStep[]): Promise<void> {
    await this.#work(steps);
  }

  close(): void {
    for (const thread of this.#threads ?? []) thread.close();
    this.#threads = undefined;
  }

  async #work(steps: Steps): Promise<void> {
    this.#threads ??= Array.from(
      { length: this.#threadCount - 1 },
      () => new UpdateThread(this.#tensors, this.#chunks, this.#code),
    );
    this.#chunks.next[0] = 0;
    const others = this.#threads.map((thread) => thread.work(steps));
    workChunks(this.#tensors, this.#chunks, steps, this.#apply);
    await Promise.all(others);
  }
}

function chunksOf(lengths: readonly number[]): Chunks {
  const tensors: number[] = [];
  const starts: number[] = [];
  lengths.forEach((length, tensor) => {
    for (let start = 0; start < length; start += chunkSize) {
      tensors.push(tensor);
      starts.push(start);
    }
  });
  return {
    size: chunkSize,
    tensors: Int32Array.from(tensors),
    starts: Int32Array.from(starts),
    next: new Int32Array(new SharedArrayBuffer(4)),
    sums: new Float64Array(new SharedArrayBuffer(8 * tensors.length)),
  };
}

/** Takes chunks until there are no more. Its text runs in the threads too. */
function workChunks(
  tensors: readonly AdamWTensor[],
  chunks: Chunks,
  steps: Steps,
  apply: ApplyAdamW,
): void {
  for (;;) {
    const chunk = Atomics.add(chunks.next, 0, 1);
    if (chunk >= chunks.starts.length) return;
    const index = chunks.tensors[chunk];
    const from = chunks.starts[chunk];
    const to = Math.min(from + chunks.size, tensors[index].value.length);
    if (steps === undefined) {
      chunks.sums[chunk] = sumOfSquares(tensors[index].gradient, from, to);
    } else apply(tensors[index], steps[index], from, to);
  }
}

/** Addresses and lengths of a tensor's arrays. */
type Addresses = { readonly [Name in keyof AdamWTensor]: readonly [bigint, number] };

/** A thread runs this. It gets the functions of this process as text, so that it reads no file. */
function serve(): void {
  let tensors: readonly AdamWTensor[];
  let chunks: Chunks;
  let apply: ApplyAdamW;
  const arrayAt = ([address, length]: readonly [bigint, number]) =>
    new Float32Array(
      Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, 4 * length),
    );
  self.onmessage = ({ data }: MessageEvent) => {
    if (data.addresses !== undefined) {
      chunks = data.chunks;
      apply = adamWOf(data.code, data.blockSize);
      tensors = data.addresses.map(({ value, gradient, m, v }: Addresses) => ({
        value: arrayAt(value),
        gradient: arrayAt(gradient),
        m: arrayAt(m),
        v: arrayAt(v),
      }));
      return;
    }
    workChunks(tensors, chunks, data.steps, apply);
    self.postMessage(undefined);
  };
}

class UpdateThread {
  readonly #worker: Worker;
  #ended: PromiseWithResolvers<void> | undefined;

  constructor(
    tensors: readonly AdamWTensor[],
    chunks: Chunks,
    code: Uint8Array<ArrayBuffer>,
  ) {
    const text = [adamWOf, sumOfSquares, workChunks, serve].join("\n");
    const url = `data:text/javascript,${encodeURIComponent(`${text}\nserve();`)}`;
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = () => this.#ended?.resolve();
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#ended?.reject(new Error(`A thread of the optimizer has failed: ${event.message}`));
    };
    const addresses = tensors.map(({ value, gradient, m, v }): Addresses => ({
      value: addressOf(value),
      gradient: addressOf(gradient),
      m: addressOf(m),
      v: addressOf(v),
    }));
    this.#worker.postMessage({ addresses, chunks, code, blockSize });
  }

  work(steps: Steps): Promise<void> {
    this.#ended = Promise.withResolvers();
    this.#worker.postMessage({ steps });
    return this.#ended.promise;
  }

  close(): void {
    this.#worker.terminate();
  }
}

function addressOf(array: Float32Array): readonly [bigint, number] {
  return [Deno.UnsafePointer.value(Deno.UnsafePointer.of(array as BufferSource)), array.length];
}
