/**
 * Paths in recipes: each is relative to the file that says it, on the command line to the caller's folder.
 */
import { resolve } from "node:path";
import type { Json } from "../base/mod.ts";
import { isMap, type Path, type PlacedYaml, valueAt } from "./placed_yaml.ts";

/** A key of a recipe that holds a path, or a list of them. */
export interface PathKey {
  /** From the outermost; `*` stands for any one key: `sources.*.train`. */
  readonly key: string;
  /** A key that may hold a folder: where it does, the paths are relative to that, and stay as they are. */
  readonly unless?: string;
}

/** The recipe with the paths of some keys absolute. A URL stays as it is. */
export function withAbsolutePaths(yaml: PlacedYaml, keys: readonly PathKey[]): PlacedYaml {
  const value = structuredClone(yaml.value);
  for (const { key, unless } of keys) {
    if (unless !== undefined && typeof valueAt(value, unless.split(".")) === "string") continue;
    const absolute = (path: Path, found: Json): Json => {
      if (Array.isArray(found)) return found.map((item, i) => absolute([...path, i], item));
      if (typeof found !== "string" || found === "" || isUrl(found)) return found;
      return resolve(yaml.placesOf(path)!.folder, found);
    };
    for (const path of pathsOf(value, key.split("."))) {
      const map = valueAt(value, path.slice(0, -1)) as Record<string, Json>;
      const last = path.at(-1)!;
      map[last] = absolute(path, map[last]);
    }
  }
  return { ...yaml, value };
}

function isUrl(place: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(place);
}

/** Where a key with `*` is in a value. */
function pathsOf(value: Json | undefined, [first, ...rest]: readonly string[]): string[][] {
  if (!isMap(value)) return [];
  const keys = first === "*"
    ? Object.keys(value)
    : [first].filter((key) => Object.hasOwn(value, key));
  if (rest.length === 0) return keys.map((key) => [key]);
  return keys.flatMap((key) => pathsOf(value[key], rest).map((path) => [key, ...path]));
}
