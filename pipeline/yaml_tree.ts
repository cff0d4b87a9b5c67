/**
 * YAML as plain data that remembers where each part of it was written.
 */
import type { Document, LineCounter, Node } from "yaml";
import { type Json, UsageError } from "../base/mod.ts";

/** `sample.yaml:12:5`, or `--set pretrain.rounds=3`. */
export type Place = string;

/** A value and its place; maps and lists hold trees. */
export type Tree =
  | { readonly kind: "map"; readonly place: Place; readonly entries: Map<string, Entry> }
  | { readonly kind: "list"; readonly place: Place; readonly items: Tree[] }
  | { readonly kind: "scalar"; readonly place: Place; readonly value: Json };

/** A member of a map: the place of its key, and its value. */
export interface Entry {
  readonly keyPlace: Place;
  readonly tree: Tree;
}

/** Parses YAML text. @param place Names the text in errors; a number says where in it. @throws UsageError */
export async function parseYaml(
  text: string,
  place: (line: number, column: number) => Place,
): Promise<Tree> {
  const yaml = await import("yaml");
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter, prettyErrors: false });
  const at = (offset: number) => placeAt(lineCounter, offset, place);
  const [error] = document.errors;
  if (error !== undefined) {
    throw new UsageError(`${at(error.pos[0])}: Cannot read YAML: ${error.message}`);
  }
  return toTree(document.contents, { yaml, document, at });
}

function placeAt(
  counter: LineCounter,
  offset: number,
  place: (line: number, column: number) => Place,
): Place {
  const { line, col } = counter.linePos(offset);
  return place(line, col);
}

interface Source {
  readonly yaml: typeof import("yaml");
  readonly document: Document;
  at(offset: number): Place;
}

function toTree(node: Node | null, source: Source): Tree {
  const { yaml, document, at } = source;
  const place = at(node?.range?.[0] ?? 0);
  if (yaml.isAlias(node)) return toTree(node.resolve(document) as Node, source);
  if (yaml.isMap<Node, Node | null>(node)) {
    const entries = new Map<string, Entry>();
    for (const { key, value } of node.items) {
      const keyPlace = at(key.range?.[0] ?? 0);
      if (!yaml.isScalar(key)) {
        throw new UsageError(
          `${keyPlace}: Cannot read a key: expected a name, found a list or map`,
        );
      }
      const tree: Tree = value === null
        ? { kind: "scalar", place: keyPlace, value: null }
        : toTree(value, source);
      entries.set(String(key.value), { keyPlace, tree });
    }
    return { kind: "map", place, entries };
  }
  if (yaml.isSeq<Node>(node)) {
    return { kind: "list", place, items: node.items.map((item) => toTree(item, source)) };
  }
  if (yaml.isScalar(node)) return { kind: "scalar", place, value: node.value as Json };
  return { kind: "scalar", place, value: null }; // an empty document
}

/** The plain value of a tree. */
export function valueOf(tree: Tree): Json {
  if (tree.kind === "scalar") return tree.value;
  if (tree.kind === "list") return tree.items.map(valueOf);
  return Object.fromEntries([...tree.entries].map(([key, { tree }]) => [key, valueOf(tree)]));
}

/** `a.b.c: value` as maps in maps, all at one place. */
export function mapAlong(path: readonly string[], value: Tree, place: Place): Tree {
  return path.reduceRight<Tree>(
    (tree, key) => ({ kind: "map", place, entries: new Map([[key, { keyPlace: place, tree }]]) }),
    value,
  );
}

/** `over` on top of `base`: maps merge key by key, lists and scalars replace. */
export function mergeTrees(base: Tree, over: Tree): Tree {
  if (base.kind !== "map" || over.kind !== "map") return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const under = entries.get(key);
    entries.set(key, {
      keyPlace: entry.keyPlace,
      tree: under === undefined ? entry.tree : mergeTrees(under.tree, entry.tree),
    });
  }
  return { kind: "map", place: over.place, entries };
}

/** What is at a path, with the place of its key; undefined when nothing is. */
export function lookUp(tree: Tree, path: readonly PropertyKey[]): Entry | undefined {
  let found: Entry | undefined = { keyPlace: tree.place, tree };
  for (const key of path) {
    const at: Tree = found.tree;
    if (at.kind === "map") found = at.entries.get(String(key));
    else if (at.kind === "list" && typeof key === "number" && key < at.items.length) {
      found = { keyPlace: at.items[key].place, tree: at.items[key] };
    } else found = undefined;
    if (found === undefined) return undefined;
  }
  return found;
}
