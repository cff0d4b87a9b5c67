/**
 * SentencePiece's own commands, where they are installed, as an independent oracle: SentencePiece 0.1.97.
 */
import { join } from "node:path";

/** Whether tests that need the commands must be ignored. */
export const lacksSpm: boolean = ["spm_train", "spm_encode", "spm_decode"].some((name) => {
  try {
    return !new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return true;
  }
});
if (lacksSpm) {
  console.warn("skipped: no spm_train, spm_encode, spm_decode on the path (Debian: sentencepiece)");
}

function run(name: string, args: readonly string[], input?: string): string {
  const command = input === undefined ? name : `"$0" "$@" < "${input}"`;
  const { success, stdout, stderr } = input === undefined
    ? new Deno.Command(name, { args: [...args], stdout: "piped", stderr: "piped" }).outputSync()
    : new Deno.Command("sh", {
      args: ["-c", command, name, ...args],
      stdout: "piped",
      stderr: "piped",
    })
      .outputSync();
  if (!success) throw new Error(`${name} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout);
}

/** Trains a model on a file and returns its path; `.vocab` lies beside it. */
export function spmTrain(
  folder: string,
  name: string,
  corpus: string,
  ...options: string[]
): string {
  const prefix = join(folder, name);
  run("spm_train", [
    `--input=${corpus}`,
    `--model_prefix=${prefix}`,
    "--minloglevel=2",
    "--num_threads=1",
    ...options,
  ]);
  return `${prefix}.model`;
}

/** The ids of each line of a file. */
export function spmEncode(model: string, file: string): string[] {
  return lines(run("spm_encode", [`--model=${model}`, "--output_format=id", file]));
}

/** The text of each line of ids of a file. */
export function spmDecode(model: string, file: string): string[] {
  return lines(run("spm_decode", [`--model=${model}`, "--input_format=id"], file));
}

function lines(text: string): string[] {
  const found = text.split("\n");
  found.pop();
  return found;
}
