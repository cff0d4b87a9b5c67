/**
 * What computes some values of a graph: commands in order, and a place in one piece of memory for every value that they need. Nothing
 * runs and nothing is allocated here.
 */
import {
  alibiSlopes,
  attention,
  attentionGradient,
  type Graph,
  type Node,
  operators,
  type Shape,
  sizeOf,
} from "../../model/mod.ts";
import { liveNodes } from "../live_nodes.ts";
import { type Arena, type Lifetime, placeAll } from "./arena.ts";
import {
  type Command,
  overList,
  type Place,
  type PlannedNode,
  type ProductCommand,
  type Rule,
  type TokenOrder,
} from "./command.ts";
import { worksInPlace } from "./ops/elementwise.ts";
import { piecesOf } from "./ops/layout.ts";

export interface PlannedCommand {
  readonly command: Command;
  /** The operator and its place, for messages: `Gelu in body.block.3.mlp`. */
  readonly purpose: string;
}

/** Ids whose tokens are sorted on the host before each run. */
interface SortedIds extends TokenOrder {
  /** The input or constant that holds them. */
  readonly source: string;
  readonly rows: number;
}

export interface Plan {
  readonly commands: readonly PlannedCommand[];
  /** Inputs of the graph that are read. */
  readonly inputs: readonly string[];
  readonly sortedIds: readonly SortedIds[];
  /** Short lists that are sent before each run. */
  readonly constants: ReadonlyMap<string, Float32Array>;
  /** Where values lie that are neither parameters nor constants of the graph. */
  readonly arena: Arena;
  /** A value as a part of what has a place of its own: in the arena, or among parameters and constants. */
  placeOf(value: string): Place;
}

/** The name of a parameter's summed gradient. */
export function sumOf(parameter: string): string {
  return `${parameter}~sum`;
}

/**
 * @param wanted Values that are there in the end.
 * @param gradients Values by the parameter to whose sum they are added.
 * @param ruleOf What a card does for each operator of the graph.
 * @param givesHalves Whether the factors of products are cast to bf16.
 * @throws RangeError for a tensor that is too large for a kernel.
 */
export function planFor(
  graph: Graph,
  wanted: readonly string[],
  gradients: Graph["gradients"],
  ruleOf: Readonly<Record<string, Rule>>,
  givesHalves = false,
): Plan {
  return new Planner(graph, wanted, gradients, ruleOf, givesHalves).plan();
}

/** 2³¹ elements: what kernels count with has 32 bits. */
const mostElements = 2 ** 31;

class Planner {
  readonly #graph: Graph;
  readonly #wanted: readonly string[];
  readonly #nodes: readonly Node[];
  readonly #ruleOf: Readonly<Record<string, Rule>>;
  readonly #givesHalves: boolean;
  /** Values in bf16, by value. */
  readonly #halves = new Map<string, string>();
  readonly #inputs: readonly string[];
  /** Values that are part of another. */
  readonly #parts = new Map<string, Place>();
  /** Shapes of scratch values. */
  readonly #scratch = new Map<string, Shape>();
  readonly #constants = new Map<string, Float32Array>();
  readonly #sorted = new Map<string, SortedIds>();
  /** Heads of biases that are not made, by bias; and the slopes that stand for those that were met. */
  readonly #sloped: ReadonlyMap<string, number>;
  readonly #slopes = new Map<string, string>();
  readonly #commands: PlannedCommand[] = [];
  /** The parameters that take a value in, by that value. */
  readonly #takers: ReadonlyMap<string, readonly string[]>;
  /** First and last use of what has a place in the arena, by number of the node. */
  readonly #lives = new Map<string, { from: number; to: number; readonly bytes: number }>();

  constructor(
    graph: Graph,
    wanted: readonly string[],
    gradients: Graph["gradients"],
    ruleOf: Readonly<Record<string, Rule>>,
    givesHalves: boolean,
  ) {
    this.#graph = graph;
    this.#wanted = wanted;
    this.#ruleOf = ruleOf;
    this.#givesHalves = givesHalves;
    const used = new Set([...wanted, ...Object.values(gradients)]);
    const nodes = liveNodes(graph, used);
    this.#sloped = slopedBiases(nodes, wanted);
    this.#nodes = nodes.filter(({ outputs: [value] }) => !this.#sloped.has(value));
    this.#inputs = Object.keys(graph.inputs).filter((name) => used.has(name));
    const takers = Map.groupBy(Object.entries(gradients), ([, value]) => value);
    this.#takers = new Map(
      [...takers].map(([value, entries]) => [value, entries.map(([parameter]) => parameter)]),
    );
  }

  plan(): Plan {
    for (const node of this.#nodes) this.#findParts(node);
    this.#workInPlace();
    for (const input of this.#inputs) this.#use(input, -1);
    this.#nodes.forEach((node, at) => this.#command(node, at));
    const end = this.#nodes.length;
    const made = new Set(this.#nodes.flatMap(({ outputs }) => outputs));
    for (const value of this.#takers.keys()) if (!made.has(value)) this.#addToSums(value, end);
    for (const value of this.#wanted) this.#use(value, end);
    const lifetimes = [...this.#lives].map(([name, life]): Lifetime => ({ name, ...life }));
    return {
      commands: this.#commands,
      inputs: this.#inputs,
      sortedIds: [...this.#sorted.values()],
      constants: this.#constants,
      arena: placeAll(lifetimes),
      placeOf: (value) => this.#placeOf(value),
    };
  }

  /** Outputs that are pieces of the input need no memory. */
  #findParts(node: Node): void {
    const pieces = piecesOf(node.operator.name, { ...node, shape: (value) => this.#shape(value) });
    pieces?.forEach((offset, i) => {
      this.#parts.set(node.outputs[i], { value: node.inputs[0], offset });
    });
  }

  /** An output takes the place of an input that ends there. */
  #workInPlace(): void {
    const lastUse = new Map<string, number>();
    const usedUntil = (value: string, at: number) => {
      const { value: whole } = this.#placeOf(value);
      lastUse.set(whole, Math.max(at, lastUse.get(whole) ?? -1));
    };
    this.#nodes.forEach(({ inputs, outputs }, at) => {
      for (const value of [...inputs, ...outputs]) if (value !== "") usedUntil(value, at);
    });
    for (const value of this.#wanted) usedUntil(value, Infinity);
    for (const value of this.#takers.keys()) {
      const at = this.#nodes.findIndex(({ outputs }) => outputs.includes(value));
      usedUntil(value, at < 0 ? Infinity : at);
    }
    this.#nodes.forEach(({ operator, inputs, outputs: [y] }, at) => {
      if (!worksInPlace.has(operator.name)) return;
      const size = sizeOf(this.#shape(y));
      const wholes = inputs.map((input) => this.#placeOf(input).value);
      const place = inputs.findIndex((input, i) =>
        this.#isInArena(wholes[i]) && lastUse.get(wholes[i]) === at &&
        sizeOf(this.#shape(input)) === size && sizeOf(this.#shape(wholes[i])) === size &&
        inputs.every((other, o) => wholes[o] !== wholes[i] || sizeOf(this.#shape(other)) === size)
      );
      if (place < 0) return;
      this.#parts.set(y, { value: wholes[place], offset: 0 });
      lastUse.set(wholes[place], lastUse.get(y)!);
    });
  }

  #command(node: Node, at: number): void {
    const { operator, inputs, outputs, attributes, scope } = node;
    for (const value of [...inputs, ...outputs]) if (value !== "") this.#use(value, at);
    const purpose = `${operator.name} in ${scope}`;
    const isMoved = !outputs.every((output) => this.#parts.has(output)) ||
      worksInPlace.has(operator.name);
    if (isMoved) {
      const planned: PlannedNode = {
        ...{ inputs, outputs, attributes },
        shape: (value) => this.#shape(value),
        scratch: (shape) => this.#scratchOf(shape, at),
        constant: (data) => this.#constantOf(data, at),
        slopesOf: (bias) => this.#slopesOf(bias, at),
        tokenOrder: (ids, rows) => this.#tokenOrder(ids, rows, at),
      };
      for (const command of this.#ruleOf[operator.name](planned)) {
        const isCast = this.#givesHalves && "product" in command;
        this.#commands.push({
          command: isCast ? this.#withHalves(command, purpose, at) : command,
          purpose,
        });
      }
    }
    for (const output of outputs) if (this.#takers.has(output)) this.#addToSums(output, at);
  }

  /** A product with its factors in bf16 too: a value is cast once, scratch each time, as it is written again and again. */
  #withHalves({ product }: ProductCommand, purpose: string, at: number): ProductCommand {
    const [a, b] = [product.a, product.b].map((factor): Place => {
      const { value, offset } = typeof factor === "string" ? { value: factor, offset: 0 } : factor;
      const n = sizeOf(this.#shape(value));
      const isScratch = this.#scratch.has(value);
      let half = isScratch ? undefined : this.#halves.get(value);
      if (half === undefined) {
        half = this.#scratchOf([Math.ceil(n / 2)], at);
        if (!isScratch) this.#halves.set(value, half);
        const command = { kernel: "to_bf16", grid: overList(n), arguments: [half, value, n] };
        this.#commands.push({ command, purpose });
      }
      this.#use(half, at);
      return { value: half, offset: offset / 2 }; // places count words of 4 bytes
    });
    return { product: { ...product, halves: { a, b } } };
  }

  #addToSums(value: string, at: number): void {
    this.#use(value, at);
    const n = sizeOf(this.#shape(value));
    for (const parameter of this.#takers.get(value)!) {
      const list = [sumOf(parameter), value, n];
      const command = { kernel: "add_into", grid: overList(n), arguments: list };
      this.#commands.push({ command, purpose: `the sum of gradients of ${parameter}` });
    }
  }

  /** Notes that a value is needed at a node. */
  #use(value: string, at: number): void {
    const { value: whole } = this.#placeOf(value);
    if (!this.#isInArena(whole)) return;
    const life = this.#lives.get(whole);
    if (life === undefined) {
      const bytes = 4 * sizeOf(this.#shape(whole));
      this.#lives.set(whole, { from: at, to: at, bytes });
    } else {
      life.from = Math.min(life.from, at);
      life.to = Math.max(life.to, at);
    }
  }

  #isInArena(value: string): boolean {
    return !Object.hasOwn(this.#graph.parameters, value) &&
      !Object.hasOwn(this.#graph.constants, value) && !this.#sloped.has(value);
  }

  #placeOf(value: string): Place {
    let place: Place = { value, offset: 0 };
    for (
      let part = this.#parts.get(value);
      part !== undefined;
      part = this.#parts.get(part.value)
    ) {
      place = { value: part.value, offset: place.offset + part.offset };
    }
    return place;
  }

  #shape(value: string): Shape {
    const shape = this.#scratch.get(value) ?? this.#graph.types[value].shape;
    if (sizeOf(shape) >= mostElements) {
      throw new RangeError(
        `Cannot place ${value} on a card: expected fewer than 2³¹ elements, found ${sizeOf(shape)}`,
      );
    }
    return shape;
  }

  #scratchOf(shape: Shape, from: number, to = from): string {
    const name = `~scratch${this.#scratch.size}`;
    this.#scratch.set(name, shape);
    this.#use(name, from);
    this.#use(name, to);
    return name;
  }

  #constantOf(data: Float32Array, at: number): string {
    const name = this.#scratchOf([data.length], -1, at);
    this.#constants.set(name, data);
    return name;
  }

  #slopesOf(bias: string, at: number): string | undefined {
    const heads = this.#sloped.get(bias);
    if (heads === undefined) return undefined;
    let name = this.#slopes.get(bias);
    if (name === undefined) {
      name = this.#constantOf(Float32Array.from(alibiSlopes(heads)), at);
      this.#slopes.set(bias, name);
    }
    this.#use(name, at);
    return name;
  }

  #tokenOrder(ids: string, rows: number, at: number): TokenOrder {
    const { value: source } = this.#placeOf(ids);
    if (
      !Object.hasOwn(this.#graph.inputs, source) && !Object.hasOwn(this.#graph.constants, source)
    ) {
      throw new RangeError(
        `Cannot sort the tokens of ${ids}: expected ids that are fed or constant, found others`,
      );
    }
    const key = `${source} ${rows}`;
    const found = this.#sorted.get(key);
    if (found !== undefined) {
      this.#use(found.order, at);
      this.#use(found.first, at);
      return found;
    }
    const count = sizeOf(this.#shape(ids));
    const order = this.#scratchOf([count], -1, at);
    const first = this.#scratchOf([count + 1], -1, at);
    const sorted = { source, rows, order, first };
    this.#sorted.set(key, sorted);
    return sorted;
  }
}

/**
 * Biases of ALiBi that nothing but causal attention takes, and their heads: of all tensors only these would grow with the square of
 * the context.
 */
function slopedBiases(nodes: readonly Node[], wanted: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { operator, inputs, outputs: [value], attributes } of nodes) {
    if (operator === operators.AlibiBias) found.set(value, attributes.heads as number);
    const isAttention = operator === attention || operator === attentionGradient;
    inputs.forEach((input, i) => {
      if (!isAttention || i !== 3 || attributes.causal !== 1) found.delete(input);
    });
  }
  for (const value of wanted) found.delete(value);
  return found;
}

/** Token numbers sorted by id, those of one id in their order; and where each id that is there begins, filled with the end. */
export function sortTokens(
  ids: Int32Array,
  rows: number,
): { readonly order: Int32Array; readonly first: Int32Array } {
  const counts = new Int32Array(rows);
  for (const id of ids) counts[id]++;
  const first = new Int32Array(ids.length + 1).fill(ids.length);
  const next = new Int32Array(rows);
  let [distinct, start] = [0, 0];
  for (let id = 0; id < rows; id++) {
    if (counts[id] === 0) continue;
    first[distinct++] = start;
    next[id] = start;
    start += counts[id];
  }
  const order = new Int32Array(ids.length);
  for (let token = 0; token < ids.length; token++) order[next[ids[token]]++] = token;
  return { order, first };
}
