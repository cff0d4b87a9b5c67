/** The sessions of a program on a device, opened when first needed. */
import type { OnnxGraph } from "../onnx_proto.ts";
import { Session } from "../session.ts";

/** Opens a session: on the device, except in tests that run a device's graphs on the processor. */
export type OpenSession = typeof Session.open;

export class DeviceSessions {
  readonly #threads: number;
  readonly #open: OpenSession;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(threads: number, open: OpenSession = Session.open) {
    this.#threads = threads;
    this.#open = open;
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
      session = this.#open(graph(), {
        threads: this.#threads,
        purpose,
        device: { hostOutputs: new Set(hostOutputs), isExclusive: true },
      }).catch((error) => {
        throw withoutAdapter(error);
      });
      this.#sessions.set(key, session);
      session.catch(() => this.#sessions.delete(key));
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
