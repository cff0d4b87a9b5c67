/**
 * The driver on the processor finds faults of kernels: a missing barrier by the order of threads, and threads that would wait for ever.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Driver, DriverError } from "../../engine/cuda/driver.ts";
import { buildShim, shimTest, withVariable } from "./cuda_shim.ts";

const names = ["unwaited", "waited", "lone_shuffle", "lone_barrier", "parted"];
/** As much of PTX text as the driver reads: names, and whether threads wait for each other. */
const ptx = ".version 8.0\n" +
  names.map((name) => `.visible .entry ${name}(\n\t.param .u64 y\n)\n{ bar.sync 0; }\n`).join("");

/** A launch with 64 threads, by the name of the kernel: what it writes. */
function launcher(): (name: string) => number[] {
  const file = fileURLToPath(new URL("cuda_shim_faults.cu", import.meta.url));
  const built = buildShim({ files: [file], names });
  assert.ok("path" in built);
  const driver = new Driver(built.path);
  const module = driver.load(ptx);
  const [address, y] = [driver.allocate(256)!, new Float32Array(64)];
  const argument = BigUint64Array.of(address);
  const values = BigUint64Array.of(Deno.UnsafePointer.value(Deno.UnsafePointer.of(argument)));
  return (name) => {
    const grid = { blocks: [1, 1, 1], threads: 64 } as const;
    driver.launch(`run ${name}`, driver.kernel(module, name), grid, values);
    driver.take(address, y);
    return [...y];
  };
}

shimTest(
  "the shim shows a missing barrier as other bytes, and with it the same in both orders",
  async () => {
    const launch = launcher();
    const backwards = (name: string) => withVariable("SHIM_ORDER", "reverse", () => launch(name));
    const expected = Array.from({ length: 64 }, (_, i) => 63 - i);
    assert.deepEqual(launch("waited"), expected);
    assert.deepEqual(await backwards("waited"), expected);
    assert.notDeepEqual(launch("unwaited"), expected);
  },
);

shimTest("the shim refuses threads that would wait for ever", () => {
  const launch = launcher();
  for (const name of ["lone_shuffle", "lone_barrier", "parted"]) {
    assert.throws(
      () => launch(name),
      (error) => error instanceof DriverError && error.code === 719 && error.message.includes(name),
    );
  }
  assert.equal(launch("waited")[0], 63); // and goes on
});

shimTest(
  "the shim refuses copies outside of what was allocated, and fills memory with what is no number",
  () => {
    const driver = new Driver();
    const address = driver.allocate(64)!;
    const found = new Float32Array(16);
    driver.take(address, found);
    assert.ok(found.every(Number.isNaN));
    assert.throws(() => driver.put(address, new Float32Array(17)), /CUDA_ERROR_INVALID_VALUE/);
    assert.throws(() => driver.take(address + 4n, found), /CUDA_ERROR_INVALID_VALUE/);
    driver.free(address);
    assert.throws(() => driver.take(address, found), /CUDA_ERROR_INVALID_VALUE/);
  },
);
