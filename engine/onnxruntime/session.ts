/**
 * One ONNX Runtime session on the CPU provider: made from model bytes, run with tensors of our own on both sides.
 *
 * A session reads the very typed arrays that it is fed and writes into those that it is given to fill, so nothing is
 * copied between a program and the runtime.
 */
import * as ort from "onnxruntime-node";
import { encodeModel, type OnnxGraph, type OnnxNode, type OnnxValue } from "./onnx_proto.ts";

export type Tensor = ort.Tensor;
export type SessionData = Float32Array | Int32Array;

/**
 * Without the arena a training step of 4 × 256 takes 343 ms instead of 240: the system is asked for every tensor's pages again. Memory
 * patterns gain no time and double the memory (1034 MB instead of 562).
 */
const sessionMemory = { enableCpuMemArena: true, enableMemPattern: false };

/** Without this the runtime's threads wait for its next run in a loop: the update on two threads takes 18.7 ms instead of 9.6. */
const idleBetweenRuns = { extra: { session: { force_spinning_stop: "1" } } };

export interface SessionOptions {
  /** Threads of one operator, the calling one included. */
  readonly threads: number;
  /** What the session is for, for errors: `training graph`. */
  readonly purpose: string;
  /** Runs it on tensors of the host; default: the processor. */
  readonly provider?: HostProvider;
  /** Given when tensors stay on a device. */
  readonly device?: DeviceOptions;
}

/** Providers that take tensors from the host and give tensors to it. */
export type HostProvider = "cpu" | "cuda";

interface DeviceOptions {
  /** Outputs that the host reads; others stay on the device. */
  readonly hostOutputs: ReadonlySet<string>;
  /** Refuses a graph that has a node which would run on the processor. */
  readonly isExclusive: boolean;
  /** The runtime writes all that it does to stderr. */
  readonly isLogged?: boolean;
}

export class Session {
  readonly #session: ort.InferenceSession;
  readonly #nodes: readonly OnnxNode[];
  readonly #purpose: string;

  private constructor(session: ort.InferenceSession, nodes: readonly OnnxNode[], purpose: string) {
    this.#session = session;
    this.#nodes = nodes;
    this.#purpose = purpose;
  }

  /** @throws Error naming operator and scope when the runtime refuses the graph. */
  static async open(
    graph: OnnxGraph,
    { threads, purpose, device, provider = "cpu" }: SessionOptions,
  ): Promise<Session> {
    const bytes = encodeModel(graph);
    silenceRuntime();
    try {
      const session = await ort.InferenceSession.create(bytes, {
        ...(device === undefined
          ? { executionProviders: [provider], ...sessionMemory, ...idleBetweenRuns }
          : onDevice(graph, device)),
        executionMode: "sequential",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: "basic", // the same speed as "all": our graphs name the fused operators themselves
        logSeverityLevel: device?.isLogged ? 0 : 4, // errors arrive as exceptions; the runtime prints nothing
      });
      return new Session(session, graph.nodes, purpose);
    } catch (cause) {
      throw runtimeError(`compile the ${purpose}`, graph.nodes, cause);
    }
  }

  /** Runs once: reads `feeds`, fills `fetches`. Both hold tensors made by `tensor`. */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Readonly<Record<string, Tensor>>,
  ): Promise<void> {
    try {
      await this.#session.run(feeds, fetches);
    } catch (cause) {
      throw runtimeError(`run the ${this.#purpose}`, this.#nodes, cause);
    }
  }

  /** Runs once and returns new tensors, on the device or on the host as the session was opened. */
  async compute(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    try {
      return await this.#session.run(feeds) as Record<string, Tensor>;
    } catch (cause) {
      throw runtimeError(`run the ${this.#purpose}`, this.#nodes, cause);
    }
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/**
 * Comes before the first session of a process, which reads it. Without it the runtime, since 1.29, reports sessions, models and
 * errors to its makers and keeps an identifier of the user in the cache folder. Source: microsoft/onnxruntime pull request 27379.
 */
export function silenceRuntime(): void {
  Deno.env.set("ORT_DISABLE_TELEMETRY", "1");
}

function onDevice(
  graph: OnnxGraph,
  { hostOutputs, isExclusive }: DeviceOptions,
): ort.InferenceSession.SessionOptions {
  const place = (name: string) => hostOutputs.has(name) ? "cpu" : "gpu-buffer";
  return {
    executionProviders: ["webgpu"],
    preferredOutputLocation: Object.fromEntries(
      graph.outputs.map(({ name }) => [name, place(name)]),
    ),
    ...(isExclusive ? { extra: { session: { disable_cpu_ep_fallback: "1" } } } : {}),
  };
}

/** A tensor over an array, without a copy. */
export function tensor(
  { elementType, shape }: OnnxValue,
  data: SessionData | BigInt64Array,
): Tensor {
  return new ort.Tensor(elementType, data, shape);
}

/**
 * The runtime's error in our terms: its text quotes a node's name, `body.block.0.attn/Softmax#12`, whose scope stands
 * before the slash.
 */
function runtimeError(action: string, nodes: readonly OnnxNode[], cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const named = nodes.filter(({ name }) => message.includes(name));
  // The longest name: `a/Add#1` is also part of `a/Add#12`.
  const node = named.reduce<OnnxNode | undefined>(
    (best, next) => next.name.length > (best?.name.length ?? 0) ? next : best,
    undefined,
  );
  const place = node ? `, ${node.op} in ${node.name.slice(0, node.name.lastIndexOf("/"))}` : "";
  return new Error(`Cannot ${action}${place}: ONNX Runtime says: ${message}`, { cause });
}
