import assert from "node:assert/strict";
import { judge } from "../support/pytorch/pytorch.ts";

Deno.test("judge() takes OpenBLAS and refuses the reference BLAS, with what to install", () => {
  const folder = "/usr/lib/x86_64-linux-gnu";
  const peer = { python: "python3", version: "1.13.1" };
  const fast = `${folder}/openblas-pthread/libopenblasp-r0.3.21.so`;
  const libraries = [`${folder}/openblas-pthread/libblas.so.3`, fast];
  assert.deepEqual(judge({ ...peer, libraries }), { ...peer, blas: fast });
  const refused = judge({ ...peer, libraries: [`${folder}/blas/libblas.so.3.11.0`] });
  assert.match(refused as string, /refused: .* found the reference BLAS .*libopenblas0-pthread/);
});
