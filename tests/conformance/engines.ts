/**
 * What the tests of engines share: the engines that run here, a small network (`support/small_network.ts`), comparison within a
 * tolerance.
 */
import assert from "node:assert/strict";
import { type Engine, engineModule, engines as table } from "../../engine/mod.ts";
import { engineHere, whyNoNetworks } from "../support/devices.ts";

export * from "../support/small_network.ts";

/** Engines that run here, and why others do not. */
export const engines: [string, Engine][] = [];
const missing: [string, string][] = [];
for (const name of Object.keys(table)) {
  const found = await engineHere(name);
  if (typeof found === "string") missing.push([name, found]);
  else engines.push([name, found]);
}

/** Tests that say why engines are not tried. */
export function skipMissing(): void {
  for (const [name, why] of missing) skip(name, why);
}

export function skip(name: string, why: string, fn: () => Promise<void> | void = () => {}): void {
  Deno.test({ name: `${name}: skipped: ${why}`, ignore: true, fn });
}

export const { engine: reference } = await import(engineModule("reference")) as { engine: Engine };
export const others = engines.filter(([name]) => name !== "reference");

/** Keeps what is made under a name: the reference engine is slow, and what it gives is compared with every other one. */
export function keeper<T>(): (name: string, make: () => Promise<T>) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (name, make) => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name)!;
  };
}

/** The spacing of single precision just above 1: the unit of the tolerances below, which leave a factor of two or more. */
export const unit = 2 ** -23;

/** A test that compiles a whole network: skipped on an engine that is too slow here. */
export function networkTest(name: string, sentence: string, fn: () => Promise<void>): void {
  const why = whyNoNetworks(name);
  if (why === undefined) Deno.test(`${name}: ${sentence}`, fn);
  else skip(`${name}: ${sentence}`, why, fn);
}

/** Element by element within `tolerance`. */
export function near(
  found: Float32Array,
  expected: readonly number[],
  tolerance: number,
  name: string,
) {
  nearAll(found, Float32Array.from(expected), 0, name, tolerance);
}

/**
 * Every element within `relative` times the tensor's largest value plus `absolute`: rounding errors of a sum are as large
 * as its terms, not as its result. A failure prints the worst element.
 */
export function nearAll(
  found: Float32Array,
  expected: Float32Array,
  relative: number,
  name: string,
  absolute = 0,
): void {
  assert.equal(found.length, expected.length, `${name}: length`);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const allowed = relative * largest + absolute;
  let worst = 0;
  for (let i = 0; i < found.length; i++) {
    const isWorse = !(Math.abs(found[i] - expected[i]) <= Math.abs(found[worst] - expected[worst]));
    if (isWorse) worst = i;
  }
  const error = Math.abs(found[worst] - expected[worst]);
  assert.ok(
    error <= allowed,
    `${name} of ${found.length}: element ${worst} is ${found[worst]}, expected ${
      expected[worst]
    }, off by ${error}, allowed ${allowed}`,
  );
}
