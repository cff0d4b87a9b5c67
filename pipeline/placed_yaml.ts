/**
 * YAML as plain data that remembers where each part of it was written.
 */
import type { Alias, Node } from "yaml";
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
  /** Absolute: relative paths that are written there start from it. */
  readonly folder: string;
}

/** How many values the aliases of one text may stand for: with nested aliases a short text could fill the memory. */
const maxAliasCount = 1000;

type Tagged = Exclude<Node, Alias>;

/** Types of YAML that are types of JSON. */
const plainTags = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;

/**
 * Parses YAML text.
 *
 * @param place Names a line and a column of the text in errors.
 * @param folder Paths in the text are relative to it.
 * @throws UsageError for what is no YAML, and for what would be read as another value than it is written.
 */
export async function parseYaml(
  text: string,
  place: (line: number, column: number) => Place,
  folder: string,
): Promise<PlacedYaml> {
  const yaml = await import("yaml");
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument<Node>(text, {
    lineCounter,
    prettyErrors: false,
    uniqueKeys: (a, b) => yaml.isScalar(a) && yaml.isScalar(b) && a.source === b.source,
  });
  const placeAt = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return place(line, col);
  };
  const startOf = (node: Node | null) => placeAt(node?.range?.[0] ?? 0);
  const refuse = (place: Place, why: string): never => {
    throw new UsageError(`${place}: Cannot read ${why}`);
  };
  // A warning says that something is read as another thing than it claims to be.
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    const isDeep = error.message.includes("call stack"); // the library's own recursion
    refuse(placeAt(error.pos[0]), `YAML: ${isDeep ? "it is nested too deep" : error.message}`);
  }
  // Version 1.1 has other words for true and false, and times.
  const { version } = document.directives!.yaml;
  if (version !== "1.2") refuse(placeAt(0), `YAML: expected version 1.2, found ${version}`);
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
      if (!yaml.isScalar(key)) {
        return refuse(startOf(key as Node), "a key: expected a name, found an alias, list or map");
      }
      key.value = key.source;
      const why = whyNoKey(key.source ?? "");
      if (why !== undefined) refuse(startOf(key), `key ${JSON.stringify(key.source)}: ${why}`);
    },
    Collection: (_, node) => checkTag(node as Tagged),
    Scalar(_, node) {
      checkTag(node as Tagged);
      const { source = "", value } = node;
      const why = whyNoValue(value, source);
      if (why !== undefined) refuse(startOf(node as Node), `${JSON.stringify(source)}: ${why}`);
    },
  });
  function checkTag(node: Tagged): void {
    const { tag } = node;
    if (tag === undefined || plainTags.test(tag)) return;
    refuse(startOf(node), `a value of type "${tag}": expected one that JSON has`);
  }

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
      return { key: startOf(key), value: startOf(node ?? key), folder };
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

/** Why text can be no key, else undefined. */
export function whyNoKey(text: string): string | undefined {
  // The language's own name for what an object inherits from: a library that copies a map would drop it.
  return text === "__proto__" ? "expected another name" : whyNoText(text);
}

/** Why a value cannot be kept as it is written, else undefined. @param written Its text. */
function whyNoValue(value: unknown, written: string): string | undefined {
  if (typeof value === "string") return whyNoText(value);
  if (typeof value !== "number") return undefined;
  if (!Number.isFinite(value)) return "expected a finite number";
  // 1e300 is meant as a float, the digits of a whole number are meant to the last.
  const isExact = Number.isSafeInteger(value) || !/^[-+]?(\d+|0[xo].*)$/.test(written);
  return isExact ? undefined : "expected a whole number of at most 2^53 - 1";
}

function whyNoText(text: string): string | undefined {
  return text.isWellFormed() ? undefined : "expected Unicode, found half of a surrogate pair";
}

/** A value that was written at one place, with all that is in it. */
export function yamlAt(place: Place, value: Json, folder: string): PlacedYaml {
  return {
    value,
    placesOf: (path) =>
      valueAt(value, path) === undefined ? undefined : { key: place, value: place, folder },
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
