/**
 * Trained models in use, on the smallest recipe: training by the real command line, then the command in this process.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError, UsageError } from "../../base/mod.ts";
import { project } from "../../commands/dept.ts";
import { generate, type GenerateOptions } from "../../commands/generate.ts";
import { fromFileUrl } from "../support/paths.ts";
import { outputDigests, pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";

/** Runs the command line in a terminal (`script`, util-linux) and presses Ctrl-C when the screen shows `sign`. */
async function stoppedInTerminal(words: readonly string[], sign: RegExp) {
  const quoted = [Deno.execPath(), "run", "-A", "--quiet", main, ...words]
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = new Deno.Command("script", {
    args: ["-qefc", quoted, "/dev/null"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    env: { NO_COLOR: "1" },
  }).spawn();
  let screen = "";
  let isStopped = false;
  const keys = child.stdin.getWriter();
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    screen += text;
    if (isStopped || !sign.test(screen)) continue;
    isStopped = true;
    await keys.write(Uint8Array.of(3));
  }
  await keys.close().catch(() => {});
  // The terminal itself shows the key.
  return { code: (await child.status).code, screen: screen.replaceAll("^C", "") };
}

const main = fromFileUrl(new URL("../../commands/main.ts", import.meta.url));

Deno.test("generate: goes on with a text and scores one, with a source's own table and tokenizer", async () => {
  using folder = temporaryFolder();
  const set = [
    "pretrain.variants=[spec,spec-opt]",
    "pretrain.rounds=1",
    "pretrain.monitors.everySteps=3",
    "pretrain.microBatchSize=auto",
  ];
  const store = join(folder.path, "store");
  const words = ["--recipe", tinyRecipe, "--store", store, "--engine", "auto"];
  const typed = [...words, ...set.flatMap((one) => ["--set", one])];
  /** The command's words with options as the command line would give them. */
  const call = (target: string, options: Partial<GenerateOptions>) =>
    generate(project, target, {
      ...{ recipe: tinyRecipe, store, engine: "auto", set, checkpoint: "best" },
      ...{ tokens: "8", temperature: "1", seed: "0", textField: "text" },
      ...options,
    });
  const refuses = (target: string, options: Partial<GenerateOptions>, message: RegExp) =>
    assert.rejects(call(target, options), (error: Error) => {
      assert.match(error.message, message);
      return error instanceof UsageError;
    });

  await refuses(
    "pretrain/spec",
    { prompt: "" },
    /trained first; do: deno task pipeline run pretrain/,
  );
  const { code, stdout, stderr } = await pipeline(["run", "pretrain", "--profile", ...typed]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^engine auto is (cpu|webgpu): /m);
  assert.match(stdout, /^profile pretrain\/spec .*forwardBackward .* %\)/m);
  assert.match(stdout, /microBatchSize=4/);

  const printed = async (target: string, options: Partial<GenerateOptions>) => {
    let text = "";
    const decoder = new TextDecoder();
    const { writeSync } = Deno.stdout;
    Deno.stdout.writeSync = (bytes) => {
      text += decoder.decode(bytes, { stream: true });
      return bytes.length;
    };
    try {
      assert.equal(await call(target, { source: "code", json: true, ...options }), 0);
    } finally {
      Deno.stdout.writeSync = writeSync;
    }
    return JSON.parse(text);
  };
  for (const variant of ["spec", "spec-opt"]) {
    const first = await printed(`pretrain/${variant}`, { prompt: "let x" });
    assert.ok(first.text.startsWith("let x") && first.tokens <= 8);
    assert.deepEqual(await printed(`pretrain/${variant}`, { prompt: "let x" }), first); // the same seed
  }
  const ask = ["--source", "code", "--tokens", "8", "--temperature", "1"];
  const shown = await pipeline([
    "generate",
    "pretrain/spec",
    "--prompt",
    "let x",
    ...ask,
    ...typed,
  ]);
  assert.equal(shown.stdout, `${(await printed("pretrain/spec", { prompt: "let x" })).text}\n`);

  const file = join(folder.path, "text.txt");
  Deno.writeTextFileSync(file, "let a = 1;\nprint(a);\n\nlet b = 2;\n");
  const { tokens, perplexity, bitsPerByte } = await printed("pretrain/spec", { perplexity: file });
  assert.ok(tokens > 10 && perplexity > 1 && perplexity < 1e4 && bitsPerByte > 0);
  const markdown = join(folder.path, "text.md"); // an ending that says nothing: plain text
  Deno.copyFileSync(file, markdown);
  assert.equal((await printed("pretrain/spec", { perplexity: markdown })).perplexity, perplexity);
  const whole = await printed("pretrain/spec-opt", { perplexity: file, source: "arithmetic" });
  assert.notEqual(whole.tokens, tokens); // another tokenizer

  // A fast machine predicts 400,000 tokens before Ctrl-C has crossed the terminal.
  await Deno.writeTextFile(file, "let a = 1;\n".repeat(400_000));
  for (const long of [["--prompt", "let x ".repeat(4000)], ["--perplexity", file]]) {
    const words = ["generate", "pretrain/spec", ...long, ...ask, ...typed];
    const { code, screen } = await stoppedInTerminal(words, /\d+ of \d+ tokens (read|predicted)/);
    assert.equal(code, 130, screen);
    assert.ok(
      screen.endsWith("\r\x1b[J"),
      `the line is wiped: ${JSON.stringify(screen.slice(-200))}`,
    );
  }

  const missing = join(folder.path, "missing.txt");
  const says = await pipeline([
    "generate",
    "pretrain/spec",
    "--perplexity",
    missing,
    ...ask,
    ...typed,
  ]);
  assert.equal(says.code, 1);
  assert.match(says.stderr, /^error: Cannot read ".*missing\.txt": [^\n]+\n$/m); // a line, no stack
  const fails = (options: Partial<GenerateOptions>, message: RegExp) =>
    assert.rejects(call("pretrain/spec", { source: "code", ...options }), (error: Error) => {
      assert.match(error.message, message);
      return error instanceof StageError;
    });
  const one = join(folder.path, "one.txt");
  Deno.writeTextFileSync(one, "x");
  await fails(
    { perplexity: one },
    /expected at least 2 tokens, one of text after the first, found 2/,
  );
  const endless = { source: "code", prompt: "x", tokens: "1e12" };
  await refuses("pretrain/spec", endless, /--tokens 1e12: expected at most 100000/);

  const prompt = "";
  await refuses("pretrain/spec", { prompt }, /--source to be one of arithmetic, code, found no/);
  await refuses("pretrain/spec", { prompt, source: "cod" }, /did you mean "code"/);
  await refuses("pretrain/spex", { prompt }, /did you mean "pretrain\/spec"/);
  await refuses(
    "documents/code/train",
    { prompt },
    /expected one of pretrain\/spec, pretrain\/spec-opt/,
  );
  await refuses("pretrain/spec", {}, /either --prompt TEXT .* or --perplexity FILE/);
  await refuses(
    "pretrain/spec",
    { prompt, tokens: "0" },
    /--tokens 0: expected a whole number of 1 or more/,
  );
  await refuses("pretrain/spec", { prompt, source: "code", checkpoint: "x" }, /one of best, last/);

  const { best } = outputDigests(store)["pretrain/spec"];
  const damaged = join(store, "objects", best.slice(0, 2), best, "model.safetensors");
  Deno.chmodSync(damaged, 0o644);
  Deno.truncateSync(damaged, 1000);
  await fails(
    { prompt },
    /Cannot use what pretrain\/spec made: expected \d+ bytes in ".*model\.safetensors", found 1000; mend/,
  );
});
