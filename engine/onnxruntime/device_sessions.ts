/** The sessions of a program on a device, opened when first needed. */
import { roundedOnProcessor } from "./half_on_processor.ts";
import type { OnnxGraph } from "./onnx_proto.ts";
import { Session } from "./session.ts";

/** Where the graphs for a device run: there, or on the processor, to be looked at where there is no such device. */
export type DeviceProvider = "webgpu" | "cpu";

export class DeviceSessions {
  readonly #threads: number;
  readonly #provider: DeviceProvider;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(threads: number, provider: DeviceProvider = "webgpu") {
    this.#threads = threads;
    this.#provider = provider;
  }

  /** @throws Error that says what is missing, when there is no device. */
  get(
    key: string,
    purpose: string,
    graph: () => OnnxGraph,
    hostOutputs: readonly string[],
  ): Promise<Session> {
    let session = this.#sessions.get(key);
    if (session === undefined) {
      const threads = this.#threads;
      session = (this.#provider === "cpu"
        ? Session.open(roundedOnProcessor(graph()), { threads, purpose })
        : Session.open(graph(), {
          threads,
          purpose,
          device: {
            provider: this.#provider,
            hostOutputs: new Set(hostOutputs),
            isExclusive: true,
          },
        }))
        .catch((error) => {
          throw withoutAdapter(error);
        });
      this.#sessions.set(key, session);
      session.catch(() =>
        this.#sessions.delete(key)
      );
    }
    return session;
  }

  async release(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).release();
  }
}

/** A missing driver in words that help. */
function withoutAdapter(error: Error): Error {
  if (!/adapter/i.test(error.message)) return error;
  return new Error(
    'Cannot use engine "webgpu": expected a GPU with a driver for Vulkan, Metal or Direct3D 12, found none; ' +
      "on Linux the Vulkan loader is needed too (Debian: apt-get install -y libvulkan1)",
    { cause: error },
  );
}
