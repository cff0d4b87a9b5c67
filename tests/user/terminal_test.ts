/**
 * A run in a real terminal: it is made narrow and wide again, and Ctrl-C stops the run under `deno task`.
 */
import assert from "node:assert/strict";
import { fault, kinds, stopInTerminal } from "../instruments/terminal.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { type Terminal, whyNoTerminal } from "../support/terminal.ts";

const sentence =
  "run in a terminal: Ctrl-C stops training where the next run goes on, and no live line stays";
const name = whyNoTerminal === undefined ? sentence : `${sentence}: skipped: ${whyNoTerminal}`;

Deno.test({ name, ignore: whyNoTerminal !== undefined }, async () => {
  using folder = temporaryFolder();
  const resize = async (terminal: Terminal) => {
    for (const columns of [60, 150, 60, 150]) {
      terminal.resize(columns);
      await new Promise((resolve) => setTimeout(resolve, 700)); // a live line is drawn every half second
    }
  };
  // That bytes are the same is in `tests/pipeline/signals_test.ts`.
  const stopped = await stopInTerminal(kinds.pretrain, folder.path, resize, false);
  assert.equal(fault(kinds.pretrain, stopped), undefined, stopped.screen);
  assert.equal(stopped.exitCode, 130, "it was stopped, and had not ended");
  const { interruption, first, screen } = stopped;
  assert.deepEqual([interruption!.hasCheckpoint, first!.done], [
    true,
    interruption!.stoppedAt!.done + 1,
  ]);
  assert.match(
    screen,
    /stopped pretrain\/trim +after .*, goes on from its last checkpoint \(step \d+ of 2000\)/,
  );
  assert.doesNotMatch(screen, /steps \d+\//);
});
