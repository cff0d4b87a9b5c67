/** Whole commands, measured from outside: wall time, time on processors and peak memory. */

export interface Run {
  readonly seconds: number;
  /** On processors, all threads together: that hardly changes when other programs take some of them. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly success: boolean;
  readonly errors: string;
  readonly timedOut: boolean;
}

/** Runs a command to its end, or to a time limit. Peak memory is read from the kernel while it runs. */
export async function measure(
  command: string,
  args: readonly string[],
  limitSeconds = Infinity,
): Promise<Run> {
  const start = performance.now();
  const cpuBefore = childrenSeconds();
  const process = new Deno.Command(command, { args: [...args], stdout: "null", stderr: "piped" })
    .spawn();
  let [peakBytes, timedOut] = [0, false];
  const look = () => {
    try {
      const status = Deno.readTextFileSync(`/proc/${process.pid}/status`);
      peakBytes = Math.max(peakBytes, Number(status.match(/VmHWM:\s*(\d+)/)?.[1] ?? 0) * 1024);
    } catch { /* it has ended */ }
    if ((performance.now() - start) / 1000 > limitSeconds && !timedOut) {
      timedOut = true;
      process.kill("SIGKILL");
    }
  };
  const timer = setInterval(look, 20);
  const errors = new Response(process.stderr).text();
  const { success } = await process.status;
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  const cpuSeconds = childrenSeconds() - cpuBefore;
  return { seconds, cpuSeconds, peakBytes, success, errors: await errors, timedOut };
}

/** Processor time of all commands so far that have ended. */
function childrenSeconds(): number {
  const [, fields] = Deno.readTextFileSync("/proc/self/stat").split(") ");
  const [user, system] = fields.split(" ").slice(13, 15).map(Number); // cutime and cstime of proc(5)
  return (user + system) / 100;
}

const nap = new Int32Array(new SharedArrayBuffer(4));

/** Processor time of this process's main thread. */
export function threadSeconds(): number {
  Atomics.wait(nap, 0, 0, 0.1); // the kernel counts up to the last switch of threads, or tick of 4 ms
  return Number(Deno.readTextFileSync("/proc/self/schedstat").split(" ")[0]) / 1e9;
}

export interface TrainingJob {
  readonly input: string;
  readonly vocabSize: number;
  readonly threads: number;
  /** Begins the names of the files that a reference writes. */
  readonly output: string;
}

/** Our training as a command: `train.ts`. */
export function trainOurs({ input, vocabSize, threads, output }: TrainingJob): Promise<Run> {
  const script = new URL("train.ts", import.meta.url).pathname;
  return measure(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    "--quiet",
    script,
    input,
    String(vocabSize),
    String(threads),
    output + ".json",
  ]);
}

/** SentencePiece on the same text, told to look at all of it as it is. */
export function trainReference(
  { input, vocabSize, threads, output }: TrainingJob,
  limitSeconds?: number,
): Promise<Run> {
  return measure("spm_train", [
    `--input=${input}`,
    `--model_prefix=${output}`,
    `--vocab_size=${vocabSize}`,
    `--num_threads=${threads}`,
    "--byte_fallback=true",
    "--normalization_rule_name=identity",
    "--max_sentence_length=1000000",
    "--minloglevel=2",
  ], limitSeconds);
}
