/**
 * A worker thread of a child process: ends the process when its runner has ended.
 */
/// <reference lib="deno.worker" />

/** How long a child may outlive its runner. */
const everyMs = 250;

self.onmessage = ({ data: runner }: MessageEvent<number>) => {
  setInterval(() => {
    if (Deno.ppid !== runner) Deno.kill(Deno.pid, "SIGKILL");
  }, everyMs);
};
