/**
 * YAML as plain data that remembers where each part of it was written.
 */
import type { Node } from "yaml";
import { type Json, messageOf, UsageError } from "../base/mod.ts";

/** `sample.yaml:12:5`, or `--set pretrain.rounds=3`. */
type Place = string;

/** Keys of maps and indices of lists, from the outermost. */
export type Path = readonly PropertyKey[];

/** A value, and where each part of it was written. */
export interface PlacedYaml {
  readonly value: Json;
  /** The places of the value at a path and of its key; undefined where there is none. */
  placesOf(path: Path): Places | undefined;
}

interface Places {
  readonly key: Place;
  readonly value: Place;
}

/** How many values the aliases of one text may stand for: with nested aliases a short text could fill the memory. */
const maxAliasCount = 1000;

/** Parses YAML text. @param place Names a line and a column of the text in errors. @throws UsageError */
export async function parseYaml(
  text: string,
  place: (line: number, column: number) => Place,
): Promise<PlacedYaml> {
  const yaml = await import("yaml");
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument<Node>(text, { lineCounter, prettyErrors: false });
  const placeAt = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return place(line, col);
  };
  const startOf = (node: Node | null) => placeAt(node?.range?.[0] ?? 0);
  const refuse = (place: Place, why: string): never => {
    throw new UsageError(`${place}: Cannot read ${why}`);
  };
  const [error] = document.errors;
  if (error !== undefined) {
    const isDeep = error.message.includes("call stack"); // the library's own recursion
    refuse(placeAt(error.pos[0]), `YAML: ${isDeep ? "it is nested too deep" : error.message}`);
  }
  yaml.visit(document, {
    Alias(_, alias, above) {
      const target = alias.resolve(document);
      if (target !== undefined && !above.includes(target)) return;
      const found = target === undefined ? "none before it" : "the alias inside of it";
      const { source } = alias;
      refuse(startOf(alias), `alias "*${source}": expected an anchor "&${source}", found ${found}`);
    },
    Pair(_, { key }) {
      // A name is what is written: 01 is no number.
      if (yaml.isScalar(key)) key.value = key.source;
      else refuse(startOf(key as Node), "a key: expected a name, found a list or map");
    },
  });
  /** What an alias stands for; the node itself if it is none. */
  const resolved = (node: Node | null) => yaml.isAlias(node) ? node.resolve(document)! : node;
  return {
    value: toValue(),
    placesOf(path) {
      let [key, node] = [document.contents, resolved(document.contents)];
      for (const part of path) {
        if (yaml.isMap<Node, Node | null>(node)) {
          const pair = node.items.find(({ key }) => yaml.isScalar(key) && key.value === part);
          if (pair === undefined) return undefined;
          [key, node] = [pair.key, resolved(pair.value)];
        } else if (yaml.isSeq<Node>(node) && Number(part) in node.items) {
          key = node = resolved(node.items[Number(part)]);
        } else return undefined;
      }
      return { key: startOf(key), value: startOf(node ?? key) };
    },
  };

  function toValue(): Json {
    try {
      return document.toJS({ maxAliasCount });
    } catch (error) {
      return refuse(placeAt(0), `YAML: ${messageOf(error)}`);
    }
  }
}

/** A value that was written at one place, with all that is in it. */
export function yamlAt(place: Place, value: Json): PlacedYaml {
  return {
    value,
    placesOf: (path) =>
      valueAt(value, path) === undefined ? undefined : { key: place, value: place },
  };
}

/** What is at a path, with its places. */
export function yamlIn(whole: PlacedYaml, path: Path): PlacedYaml {
  return {
    value: valueAt(whole.value, path) ?? null,
    placesOf: (inner) => whole.placesOf([...path, ...inner]),
  };
}

/** `over` on top of `base`: maps merge key by key, lists and scalars replace. */
export function mergeYaml(base: PlacedYaml, over: PlacedYaml): PlacedYaml {
  const value = merged(base.value, over.value);
  return {
    value,
    placesOf: (path) =>
      valueAt(value, path) === undefined ? undefined : over.placesOf(path) ?? base.placesOf(path),
  };
}

function merged(base: Json, over: Json): Json {
  if (!isMap(base) || !isMap(over)) return over;
  const entries = Object.entries(over).map(([key, value]) =>
    [key, Object.hasOwn(base, key) ? merged(base[key]!, value!) : value] as const
  );
  return { ...base, ...Object.fromEntries(entries) };
}

/** `a.b.c: value` as maps in maps. */
export function mapAlong(path: readonly string[], value: Json): Json {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value);
}

/** What is at a path of a value; undefined where there is nothing. */
export function valueAt(value: Json, path: Path): Json | undefined {
  let found: unknown = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found as Json;
}

export function isMap(
  value: Json | undefined,
): value is { readonly [key: string]: Json | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
