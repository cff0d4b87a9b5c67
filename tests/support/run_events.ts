/**
 * Events of a run, while it goes on.
 */
import { wholeLines } from "../../base/mod.ts";
import type { RunEvent } from "../../pipeline/events.ts";

/** What a `run --json` prints. An event within which the run was killed is left out. */
export async function* eventsFrom({ stdout }: Deno.ChildProcess): AsyncGenerator<RunEvent, void> {
  for await (const line of wholeLines(stdout)) yield JSON.parse(line);
}
