/**
 * The PTX text beside the kernels of `engine/cuda` is what nvcc makes of their sources, and every card's assembler takes it.
 *
 * With DEPT_UPDATE_GOLDEN=1 it is written again, which needs nvcc.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { entriesOf } from "../engine/cuda/kernels.ts";
import {
  assemble,
  cards,
  compilePtx,
  kernelFiles,
  kernelFolder,
  nvccHere,
  nvccRelease,
  sourcesDigest,
} from "./support/ptx.ts";

const command = "DEPT_UPDATE_GOLDEN=1 deno test -A --no-check tests/ptx_test.ts";
const found = nvccHere();
const hasNvcc = found === nvccRelease;
const skipped = hasNvcc ? "" : `: skipped: expected nvcc ${nvccRelease}, found ${found ?? "none"}`;

function textOf(name: string): string {
  return Deno.readTextFileSync(join(kernelFolder, `${name}.ptx`));
}

Deno.test({ name: `ptx: nvcc makes the text that is kept${skipped}`, ignore: !hasNvcc }, () => {
  for (const name of kernelFiles) {
    const made = compilePtx(name);
    if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") {
      Deno.writeTextFileSync(join(kernelFolder, `${name}.ptx`), made);
    }
    assert.ok(
      textOf(name) === made,
      `${name}.ptx is not what nvcc makes of ${name}.cu: ${command}`,
    );
  }
});

Deno.test(`ptx: the text is of the sources that lie beside it; else run ${command}`, () => {
  for (const name of kernelFiles) {
    assert.ok(textOf(name).includes(`// Sources: ${sourcesDigest(name)}\n`), `${name}.ptx`);
  }
});

Deno.test("ptx: the text is plain and names no folder, and every kernel is named once", () => {
  const names = kernelFiles.flatMap((name) => {
    const text = textOf(name);
    assert.match(text, /^\.version 8\.0\n\.target sm_80\n/m);
    assert.doesNotMatch(text, /[^\n\t -~]/, "a character that is not ASCII");
    assert.doesNotMatch(text, /_INTERNAL_|\/home|\/work|\/tmp/);
    // A sum of floats in any order: `atom.add` and `red.add` of numbers that are not whole.
    assert.doesNotMatch(text, /\b(?:atom|red)\.\S*\.f(?:16|32|64)/);
    // Fused only where the source says so: nothing that an assembler may fuse by itself.
    assert.doesNotMatch(text, /\b(?:add|sub|mul)\.f(?:32|64)\b/);
    return [...entriesOf(text).keys()];
  });
  assert.equal(new Set(names).size, names.length);
});

const withPtxas = hasNvcc ? "" : ": skipped: no ptxas of that release";
Deno.test({
  name: `ptx: the assembler of every card takes all kernels, and none spills registers${withPtxas}`,
  ignore: !hasNvcc,
}, () => {
  for (const card of cards) {
    for (const name of kernelFiles) {
      const uses = assemble(name, card);
      assert.equal(uses.length, entriesOf(textOf(name)).size, name);
      for (const { kernel, registers, spilledBytes, sharedBytes } of uses) {
        assert.equal(spilledBytes, 0, `${kernel} on sm_${card}`);
        // Blocks of at most 128 threads, which keep sums of a whole head in registers.
        const most = kernel.startsWith("attention_bf16") ? 255 : 128;
        assert.ok(registers <= most && sharedBytes <= 48 * 1024, `${kernel} on sm_${card}`);
      }
    }
  }
});
