/**
 * Checks what a caller feeds before any kernel sees it.
 */
import { formatShape, type Graph, type IdLimit, sizeOf } from "../../model/mod.ts";
import { didYouMean } from "../../pipeline/base/mod.ts";
import type { Feeds } from "../engine.ts";
import type { Values } from "./interpret.ts";

/**
 * The feeds of the needed inputs, numbers in float64.
 * @throws RangeError for a feed that is unknown, missing, of another size, or an id outside its table; TypeError for an array
 *   of another kind than the input's.
 */
export function acceptFeeds(
  graph: Graph,
  needed: readonly string[],
  limits: Readonly<Record<string, IdLimit>>,
  feeds: Feeds,
): Values {
  const known = Object.keys(graph.inputs);
  for (const name of Object.keys(feeds)) {
    if (known.includes(name)) continue;
    throw new RangeError(
      `Cannot feed "${name}": expected one of ${known.join(", ")}${didYouMean(name, known)}`,
    );
  }
  const values: Record<string, Float64Array | Int32Array> = {};
  for (const name of needed) {
    const { dtype, shape } = graph.inputs[name];
    const data = feeds[name];
    if (data === undefined) {
      throw new RangeError(`Cannot run the graph: expected a feed for input "${name}", found none`);
    }
    const array = dtype === "float32" ? Float32Array : Int32Array;
    if (!(data instanceof array)) {
      const found = (data as object).constructor.name;
      throw new TypeError(`Cannot feed "${name}": expected ${array.name}, found ${found}`);
    }
    if (data.length !== sizeOf(shape)) {
      throw new RangeError(
        `Cannot feed "${name}": expected ${sizeOf(shape)} values, shape ${
          formatShape(shape)
        }, found ${data.length}`,
      );
    }
    if (Object.hasOwn(limits, name)) checkIds(name, data as Int32Array, limits[name]);
    values[name] = data instanceof Int32Array ? data : Float64Array.from(data);
  }
  return values;
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
