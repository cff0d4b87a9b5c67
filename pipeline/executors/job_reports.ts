/**
 * What a job reads and tells: files in a folder of the store, as no pipe leads from one machine to another.
 *
 *     request.json   what it is to do
 *     processor      the node's first processor as `/proc/cpuinfo` has it, written by the job's script
 *     messages       what it says, one line after another
 *     heartbeat      a number that changes while it lives; nothing ends because of it
 *     outcome.json   how it went: renamed into place, so that it is whole or absent
 */
import { join } from "node:path";
import { readTextIfThere, writeAll, writeFileAtomic } from "../../base/mod.ts";
import { instructionsIn } from "../instruction_set.ts";
import { type ChildMessage, type ChildRequest, encodeMessage } from "../protocol.ts";

/** Names in a folder of reports. */
export const reportNames = {
  request: "request.json",
  processor: "processor",
  messages: "messages",
  heartbeat: "heartbeat",
  outcome: "outcome.json",
} as const;

/** The job's side. */
export class JobReports {
  readonly #folder: string;
  readonly #messages: Deno.FsFile;

  constructor(folder: string) {
    this.#folder = folder;
    this.#messages = Deno.openSync(join(folder, reportNames.messages), {
      append: true,
      create: true,
    });
  }

  request(): ChildRequest {
    return JSON.parse(Deno.readTextFileSync(join(this.#folder, reportNames.request)));
  }

  /** The vector instructions of the node. */
  instructions(): string {
    return instructionsIn(readTextIfThere(join(this.#folder, reportNames.processor)) ?? "");
  }

  startHeartbeat(): void {
    const worker = new Worker(import.meta.resolve("./heartbeat.ts"), { type: "module" });
    worker.postMessage(join(this.#folder, reportNames.heartbeat));
  }

  send(message: ChildMessage): void {
    writeAll(this.#messages, encodeMessage(message));
  }

  /** Says how it went. */
  end(message: ChildMessage): void {
    writeFileAtomic(join(this.#folder, reportNames.outcome), JSON.stringify(message));
  }
}
