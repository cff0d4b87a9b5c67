/**
 * Checks what a caller feeds before an engine sees it: names, types, sizes, and that every id has a row in its table.
 * A device reads outside a table without an error.
 */
import { formatShape, type Graph, type IdLimit, idLimits, sizeOf } from "../model/mod.ts";
import { didYouMean } from "../base/mod.ts";
import type { Feeds } from "./engine.ts";

export class FeedCheck {
  readonly #inputs: Graph["inputs"];
  readonly #limits: Readonly<Record<string, IdLimit>>;

  constructor(graph: Graph) {
    this.#inputs = graph.inputs;
    this.#limits = idLimits(graph);
  }

  /**
   * Checks the feeds of the needed inputs; others may be left out.
   * @throws RangeError for a feed that is unknown, missing, of another size, or an id outside its table; TypeError for an
   *   array of another kind than the input's.
   */
  check(needed: readonly string[], feeds: Feeds): void {
    const known = Object.keys(this.#inputs);
    for (const name of Object.keys(feeds)) {
      if (Object.hasOwn(this.#inputs, name)) continue;
      throw new RangeError(
        `Cannot feed "${name}": expected one of ${known.join(", ")}${didYouMean(name, known)}`,
      );
    }
    for (const name of needed) this.#checkFeed(name, feeds[name]);
  }

  #checkFeed(name: string, data: Feeds[string] | undefined): void {
    const { dtype, shape } = this.#inputs[name];
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
    if (Object.hasOwn(this.#limits, name)) checkIds(name, data as Int32Array, this.#limits[name]);
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
