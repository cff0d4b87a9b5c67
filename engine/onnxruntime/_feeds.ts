/**
 * Checks what a caller feeds before a session sees it: names, types, sizes, and that every id has a row in its table.
 * A runtime may accept a bad id silently, as GPUs do, or stop somewhere inside a run.
 */
import { formatShape, type Graph, type IdLimit, sizeOf } from "../../model/mod.ts";
import { didYouMean } from "../../pipeline/base/mod.ts";
import type { Feeds } from "../engine.ts";

/**
 * @throws RangeError naming input, index, value and limit; TypeError for an array of the wrong kind.
 */
export function checkFeeds(
  graph: Graph,
  needed: readonly string[],
  limits: Readonly<Record<string, IdLimit>>,
  feeds: Feeds,
): void {
  const known = Object.keys(graph.inputs);
  for (const name of Object.keys(feeds)) {
    if (Object.hasOwn(graph.inputs, name)) continue;
    throw new RangeError(
      `Cannot feed "${name}": expected one of ${known.join(", ")}${didYouMean(name, known)}`,
    );
  }
  for (const name of needed) {
    const data = feeds[name];
    const { dtype, shape } = graph.inputs[name];
    const size = sizeOf(shape);
    if (data === undefined) {
      throw new RangeError(`Cannot run the graph: expected a feed for input "${name}", found none`);
    }
    const isFloat = dtype === "float32";
    if (!(isFloat ? data instanceof Float32Array : data instanceof Int32Array)) {
      throw new TypeError(
        `Cannot feed "${name}": expected ${isFloat ? "a Float32Array" : "an Int32Array"}, found ${
          (data as object).constructor.name
        }`,
      );
    }
    if (data.length !== size) {
      throw new RangeError(
        `Cannot feed "${name}": expected ${size} values, shape ${
          formatShape(shape)
        }, found ${data.length}`,
      );
    }
    if (Object.hasOwn(limits, name)) checkIds(name, data as Int32Array, limits[name]);
  }
}

function checkIds(name: string, ids: Int32Array, { limit, table }: IdLimit): void {
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] >= 0 && ids[i] < limit) continue;
    throw new RangeError(
      `Cannot feed "${name}": expected ids from 0 to ${limit - 1} (${table}), found ${
        ids[i]
      } at index ${i}`,
    );
  }
}
