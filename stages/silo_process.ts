/**
 * The process that trains participants for a leader elsewhere: reads a `SiloSetup` from its first line of input, and answers one task
 * after the other. Ends when its input does.
 */
import { leaveSignals, reportFileLimit, wholeLines, writeAll } from "../base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import { stopLine } from "./silo_setup.ts";
import { answerTasks } from "./silo_work.ts";

/** A line of its output. */
export type SiloMessage =
  | { readonly type: "answered" }
  | {
    readonly type: "log";
    readonly level: "info" | "warn";
    readonly message: string;
    readonly fields?: Parameters<StageLog["info"]>[1];
  };

async function serve(): Promise<void> {
  leaveSignals(["SIGINT", "SIGHUP", "SIGTERM"]); // it ends when its input does
  reportFileLimit();
  console.log = console.info = console.debug = console.error; // what libraries print is no message
  const stop = new AbortController();
  let work: Promise<void> | undefined;
  for await (const line of wholeLines(Deno.stdin.readable)) {
    if (line === stopLine) stop.abort(new Error("stopped"));
    else {
      work ??= answerTasks(JSON.parse(line), { log: ownLog, signal: stop.signal, onAnswered })
        .then(() => Deno.exit(0), (error) => {
          console.error(error);
          Deno.exit(1);
        });
    }
  }
  Deno.exit(0); // the process that asked has ended
}

const ownLog: Pick<StageLog, "info" | "warn"> = {
  info: (message, fields) => send({ type: "log", level: "info", message, fields }),
  warn: (message, fields) => send({ type: "log", level: "warn", message, fields }),
};

function onAnswered(): void {
  send({ type: "answered" });
}

function send(message: SiloMessage): void {
  writeAll(Deno.stdout, JSON.stringify(message) + "\n");
}

if (import.meta.main) await serve();
