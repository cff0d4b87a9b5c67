/**
 * A worker thread of a job: counts in a file, so that others see that the job lives. Its main thread may be busy for minutes.
 */
/// <reference lib="deno.worker" />

const everyMs = 30_000;

self.onmessage = ({ data: path }: MessageEvent<string>) => {
  let count = 0;
  const beat = () => {
    try {
      Deno.writeTextFileSync(path, String(++count));
    } catch { /* the job goes on: it alone knows how it went */ }
  };
  beat();
  setInterval(beat, everyMs);
};
