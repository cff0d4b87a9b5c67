/**
 * Recipes that somebody has written wrongly, the same for the same seed: shipped ones with keys dropped, renamed and given
 * twice, values of other kinds and sizes, aliases, tags, control characters and damaged text.
 */
import { parse } from "yaml";
import { type Json, Random, seedOf } from "../../base/mod.ts";

/** A value of a recipe before it is text. A map keeps its keys as a list: a mutant may have one of them twice. */
type Tree =
  | { readonly kind: "map"; entries: [key: string, value: Tree][] }
  | { readonly kind: "list"; items: Tree[] }
  /** Words as they stand in the file: `*gone`, `.inf`, `!!binary x`. What YAML makes of them, a recipe must refuse. */
  | { readonly kind: "raw"; readonly text: string }
  | { readonly kind: "scalar"; readonly value: string | number | boolean | null };

export interface Mutant {
  readonly text: string;
  /** Overrides of the command line. */
  readonly set: readonly string[];
  /** What the file says if it can be read at all; undefined where its text is damaged. */
  readonly meant: Json | undefined;
  /** Whether it holds something that no recipe may hold. */
  readonly isForbidden: boolean;
}

/** Mutant number `index` of the recipes whose files are given by name. */
export function recipeMutant(
  files: Readonly<Record<string, string>>,
  seed: number,
  index: number,
): Mutant & { readonly name: string } {
  const random = new Random(seedOf(seed, `recipes/${index}`));
  const pick = (n: number) => random.below(n);
  const names = Object.keys(files).sort();
  const name = names[pick(names.length)];
  const tree = treeOf(parse(files[name]));
  for (let times = 1 + pick(3); times > 0; times--) mutate(tree, pick);
  const set = Array.from({ length: pick(4) === 0 ? 1 + pick(2) : 0 }, () => override(tree, pick));
  const written = textOf(tree, pick);
  const isDamaged = pick(10) === 0;
  return {
    name,
    text: isDamaged ? damaged(written, pick) : written,
    set,
    meant: isDamaged ? undefined : meaningOf(tree),
    isForbidden: !isDamaged && holdsForbidden(tree),
  };
}

type Pick = (n: number) => number;

function treeOf(value: Json): Tree {
  if (Array.isArray(value)) return { kind: "list", items: value.map(treeOf) };
  if (typeof value !== "object" || value === null) {
    return { kind: "scalar", value: value as string | number | boolean | null };
  }
  const entries = Object.entries(value).map((
    [key, value],
  ): [string, Tree] => [key, treeOf(value!)]);
  return { kind: "map", entries };
}

function meaningOf(tree: Tree): Json {
  switch (tree.kind) {
    case "map":
      return Object.fromEntries(tree.entries.map(([key, value]) => [key, meaningOf(value)]));
    case "list":
      return tree.items.map(meaningOf);
    case "scalar":
      return tree.value;
    case "raw":
      return tree.text;
  }
}

/** Whether a tree has raw words, a key twice, or a key or text that cannot be kept. */
function holdsForbidden(tree: Tree): boolean {
  switch (tree.kind) {
    case "map": {
      const keys = tree.entries.map(([key]) => key);
      return new Set(keys).size < keys.length ||
        tree.entries.some(([key, value]) =>
          key === "__proto__" || !key.isWellFormed() || holdsForbidden(value)
        );
    }
    case "list":
      return tree.items.some(holdsForbidden);
    case "scalar":
      return typeof tree.value === "string" && !tree.value.isWellFormed() ||
        typeof tree.value === "number" && Number.isInteger(tree.value) &&
          !Number.isSafeInteger(tree.value) && !/[.e]/.test(String(tree.value));
    case "raw":
      return true;
  }
}

const keys = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "global",
  "01",
  "1e3",
  "0x1f",
  "",
  "<<",
  "a b",
  "a: b",
  "#x",
  "null",
  "-",
  "\u001b[31m",
  "é",
  "\ud800",
];

const values: readonly Json[] = [
  null,
  [],
  {},
  "",
  "x",
  "01",
  "null",
  "true",
  "a: b #c",
  "\u001b[2J\u0007\u0000",
  "\ud800",
  "x".repeat(5000),
  true,
  -1,
  0,
  0.5,
  1,
  2,
  1024,
  1e6,
  1e9,
  1e12,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  1e300,
  5e-324,
  ["x", "x"],
  { constructor: 1 },
  [[[[[[[[[[1]]]]]]]]]],
];

const raws = [
  ".inf",
  "-.inf",
  ".nan",
  "*gone",
  "!!binary aGk=",
  "!other x",
  "!!set {a}",
  "1e999",
  "9007199254740993",
];

/** Names that a source may have, and that look like something else, or are something else to the language. */
const oddNames = ["01", "1e3", "0x1f", "0o17", "1", "true", "null", "__proto__", "constructor"];

/** Gives a source of a recipe such a name; false where it has none. */
function renameSource(tree: Tree, pick: Pick): boolean {
  const entries = tree.kind === "map" ? tree.entries : [];
  const sources = entries.find(([key]) => key === "sources")?.[1];
  if (sources?.kind !== "map" || sources.entries.length === 0) return false;
  sources.entries[pick(sources.entries.length)][0] = oddNames[pick(oddNames.length)];
  return true;
}

/** Changes one place of a tree. */
function mutate(tree: Tree, pick: Pick): void {
  if (pick(6) === 0 && renameSource(tree, pick)) return;
  const { parent, at } = placeIn(tree, pick);
  const items: [string, Tree][] | Tree[] = parent.kind === "map" ? parent.entries : parent.items;
  const value = (): Tree => {
    const kind = pick(8);
    if (kind === 0) return { kind: "raw", text: raws[pick(raws.length)] };
    if (kind === 1) return structuredClone(subtree(tree, pick));
    return treeOf(values[pick(values.length)]);
  };
  if (items.length === 0) {
    if (parent.kind === "map") parent.entries.push([keys[pick(keys.length)], value()]);
    else parent.items.push(value());
    return;
  }
  switch (pick(12)) {
    case 0: // dropped
      items.splice(at, 1);
      return;
    case 1: // given twice
      if (parent.kind === "map" && pick(3) > 0) return;
      items.push(structuredClone(items[at]) as never);
      return;
    case 2: // renamed
      if (parent.kind === "map") parent.entries[at][0] = renamed(parent.entries[at][0], pick);
      return;
    case 3: // added
      if (parent.kind === "map") parent.entries.push([keys[pick(keys.length)], value()]);
      else parent.items.push(value());
      return;
    case 4: // of another kind
    case 5:
      setAt(parent, at, value());
      return;
    default: // of its own kind
      setAt(
        parent,
        at,
        otherOf(parent.kind === "map" ? parent.entries[at][1] : parent.items[at], pick),
      );
  }
}

function setAt(parent: Tree & { kind: "map" | "list" }, at: number, value: Tree): void {
  if (parent.kind === "map") parent.entries[at][1] = value;
  else parent.items[at] = value;
}

/** Another value of the kind of a value: a number a little or far from it, the opposite, another word. */
function otherOf(tree: Tree, pick: Pick): Tree {
  if (tree.kind !== "scalar") return tree;
  const { value } = tree;
  if (typeof value === "boolean") return { kind: "scalar", value: !value };
  if (typeof value === "string") {
    return { kind: "scalar", value: pick(2) === 0 ? renamed(value, pick) : value };
  }
  if (typeof value !== "number") return tree;
  const near = [value + 1, value - 1, 2 * value, value / 2, 10 * value];
  const far = [-value, 0, 1e3 * value, 1e6 * value, 1e15 * value];
  const of = pick(3) === 0 ? far : near;
  return { kind: "scalar", value: of[pick(of.length)] };
}

function renamed(key: string, pick: Pick): string {
  if (pick(2) === 0 || key.length < 2) return keys[pick(keys.length)];
  const i = pick(key.length - 1);
  return key.slice(0, i) + key[i + 1] + key[i] + key.slice(i + 2); // two letters swapped
}

/** A map or list of a tree, and one of its places. */
function placeIn(tree: Tree, pick: Pick): { parent: Tree & { kind: "map" | "list" }; at: number } {
  let parent = tree;
  for (;;) {
    if (parent.kind !== "map" && parent.kind !== "list") throw new Error("A recipe is a map");
    const inner = parent.kind === "map" ? parent.entries.map(([, value]) => value) : parent.items;
    const at = inner.length === 0 ? 0 : pick(inner.length);
    const next = inner[at];
    const isDeep = next?.kind === "map" || next?.kind === "list";
    if (!isDeep || pick(4) === 0) return { parent, at };
    parent = next;
  }
}

function subtree(tree: Tree, pick: Pick): Tree {
  const { parent, at } = placeIn(tree, pick);
  return parent.kind === "map" ? parent.entries[at]?.[1] ?? parent : parent.items[at] ?? parent;
}

/** An override of some key of the tree. */
function override(tree: Tree, pick: Pick): string {
  const path: string[] = [];
  for (let node = tree; node.kind === "map" && node.entries.length > 0;) {
    const [key, value] = node.entries[pick(node.entries.length)];
    path.push(key);
    node = value;
  }
  const typed = [
    "3",
    "01",
    "x",
    "null",
    "",
    "[x, x]",
    "{a: 1}",
    "a: b #c",
    "'q'",
    "*gone",
    ".inf",
    "1e3",
    "true",
  ];
  return `${path.join(".") || "x"}=${typed[pick(typed.length)]}`;
}

/** A tree as YAML: maps by indentation or in braces, words with quotes or without. */
function textOf(tree: Tree, pick: Pick, indent = ""): string {
  if (tree.kind !== "map" || tree.entries.length === 0) return `${indent}${flow(tree, pick)}\n`;
  return tree.entries.map(([key, value]) => {
    const isBlock = value.kind === "map" && value.entries.length > 0 && pick(3) > 0;
    const inner = isBlock ? `\n${textOf(value, pick, `${indent}  `)}` : ` ${flow(value, pick)}\n`;
    return `${indent}${name(key, pick)}:${inner}`;
  }).join("");
}

function flow(tree: Tree, pick: Pick): string {
  switch (tree.kind) {
    case "map":
      return `{${
        tree.entries.map(([key, value]) => ` ${name(key, pick)}: ${flow(value, pick)}`)
      } }`;
    case "list":
      return `[${tree.items.map((item) => flow(item, pick))}]`;
    case "raw":
      return tree.text;
    case "scalar":
      return scalar(tree.value, pick);
  }
}

/** Words that are text in YAML without quotes. */
const isPlain = (text: string) =>
  /^[a-z][a-z0-9_-]*$/.test(text) && !/^(true|false|null)$/.test(text);

function name(key: string, pick: Pick): string {
  // Without quotes 01 and 1e3 look like numbers, and are names all the same.
  const canBePlain = /^[0-9a-z_][0-9a-z_-]*$/.test(key);
  return canBePlain && pick(2) === 0 ? key : quoted(key, pick);
}

function scalar(value: string | number | boolean | null, pick: Pick): string {
  if (typeof value === "number") return Object.is(value, -0) ? "0" : String(value);
  if (typeof value !== "string") return String(value);
  return isPlain(value) && pick(2) === 0 ? value : quoted(value, pick);
}

function quoted(text: string, pick: Pick): string {
  return /^[\x20-\x7e]*$/.test(text) && pick(2) === 0
    ? `'${text.replaceAll("'", "''")}'`
    : JSON.stringify(text);
}

/** Text with a few characters cut, changed or put in. */
function damaged(text: string, pick: Pick): string {
  const at = pick(text.length);
  switch (pick(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + pick(20));
    case 2:
      return text.slice(0, at) + "\t{}[]:#&*!|>'\"%@\u0000\u001b\ud800\n-?"[pick(20)] +
        text.slice(at);
    default: {
      const from = pick(text.length);
      return text.slice(0, at) + text.slice(from, from + pick(200)) + text.slice(at);
    }
  }
}
