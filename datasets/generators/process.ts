/**
 * Text as a sequence of choices: a finite automaton whose branches carry words and probabilities.
 *
 * One definition serves twice: a walk through it writes a document, and a sum over it gives the document's entropy.
 * The sum is also the entropy of the *text* if the text shows every choice that was made. The tests prove that for each
 * source: they visit all states, and no branch can be taken for another one once the next word is known.
 */
import { Buffer } from "node:buffer";
import { Random, type Seed, seedOf } from "../../base/mod.ts";
import type { Document, GeneratedSource } from "../document.ts";

/** One outcome of a choice: what is written, how likely, and where the text goes on. */
export interface Branch {
  readonly text: string;
  readonly probability: number;
  readonly next: State;
}

/** A branch before its weight is divided by the sum of its state's weights. */
export type Choice = readonly [weight: number, text: string, next: State];

/** A point of the automaton. Branches are made when first asked for: a short text visits few of the states. */
export class State {
  readonly key: string;
  /** A unit (sentence, line, function) ends on arrival; the document may end here. */
  readonly isBoundary: boolean;
  #choices: (() => Choice[]) | undefined;
  #branches: readonly Branch[] = [];
  #weights = new Float64Array(0);

  constructor(key: string, isBoundary: boolean, choices: () => Choice[]) {
    this.key = key;
    this.isBoundary = isBoundary;
    this.#choices = choices;
  }

  get branches(): readonly Branch[] {
    if (this.#choices !== undefined) {
      this.#branches = merge(this.key, this.#choices());
      this.#weights = Float64Array.from(this.#branches, (branch) => branch.probability);
      this.#choices = undefined;
    }
    return this.#branches;
  }

  draw(random: Random): Branch {
    const branches = this.branches;
    return branches[random.weighted(this.#weights)];
  }
}

/** The states made so far, one per key. */
export class States {
  readonly #known = new Map<string, State>();

  at(key: string, choices: () => Choice[]): State {
    return this.#known.get(key) ?? this.#add(new State(key, false, choices));
  }

  /** A state that ends a unit. */
  boundary(key: string, choices: () => Choice[]): State {
    return this.#known.get(key) ?? this.#add(new State(key, true, choices));
  }

  #add(state: State): State {
    this.#known.set(state.key, state);
    return state;
  }
}

/** What may stand between two units, with its weight. */
interface Joint {
  readonly text: string;
  readonly weight: number;
}

/** Where a document starts, how many units it has (uniform from `minUnits` to `maxUnits`), and what joins them. */
export interface Process {
  /** One of them in turn: the first part of a split's documents begins at the first, the last part at the last. */
  readonly openings: readonly State[];
  readonly minUnits: number;
  readonly maxUnits: number;
  readonly joints: readonly Joint[];
}

/** A source for the registry: documents of the process that its options make, and their entropy. */
export function processSource<Options extends object>(
  processOf: (options: Options) => Process,
): GeneratedSource<Options> {
  // Documents and entropy of the same options need the same branches, which take longer to make than both.
  const known = new WeakMap<Options, Process>();
  const knownProcess = (options: Options): Process => {
    const process = known.get(options) ?? processOf(options);
    known.set(options, process);
    return process;
  };
  return {
    documents: (options, split, seed, first, count) =>
      documentsOf(knownProcess(options), split, seed, first, count),
    entropyBitsPerByte: (options) => entropyBitsPerByte(knownProcess(options)),
  };
}

/**
 * Documents of a split from a number on. A document depends on the process, the seed, the split and its number alone; where there are
 * several openings, also on how many documents the split has.
 */
function* documentsOf(
  process: Process,
  split: string,
  seed: Seed,
  first = 0,
  count = Infinity,
): Generator<Document> {
  const { openings } = process;
  for (let number = first;; number++) {
    const random = new Random(numberedSeed(seed, split, number));
    const part = Math.min(Math.floor(openings.length * number / count), openings.length - 1);
    yield { text: writeDocument(process, openings[part], random), id: `generated:${number}` };
  }
}

/** The seed of item `number` of a split. */
export function numberedSeed(seed: Seed, split: string, number: number): Seed {
  return seedOf(seed[0], `${seed[1]}/${seed[2]}/${seed[3]}/${split}/${number}`);
}

function writeDocument(process: Process, opening: State, random: Random): string {
  const jointWeights = process.joints.map((joint) => joint.weight);
  let text = "";
  let state = opening;
  for (let units = 0;;) {
    const branch = state.draw(random);
    text += branch.text;
    state = branch.next;
    if (!state.isBoundary) continue;
    units++;
    if (random.float64() < endProbability(process, units)) return text;
    text += process.joints[random.weighted(jointWeights)].text;
  }
}

/** Chance that a document ends after its unit number `units`, counted from 1. */
function endProbability(process: Process, units: number): number {
  return units < process.minUnits ? 0 : 1 / (process.maxUnits - units + 1);
}

/**
 * Entropy of the text in bits per UTF-8 byte: expected bits of a document's choices, its end among them, over its
 * expected bytes. Exact: probability mass flows through all states, unit after unit.
 */
export function entropyBitsPerByte(process: Process): number {
  const states = statesInOrder(process.openings);
  const index = new Map(states.map((state, i) => [state, i]));
  const costs = states.map((state) => branchCost(state.branches));
  const ways = states.map(({ branches }) => ({
    probabilities: Float64Array.from(branches, ({ probability }) => probability),
    targets: Int32Array.from(branches, ({ next }) => index.get(next)!),
  }));
  const joint = jointCost(process.joints);
  let [bits, bytes] = [0, 0];
  let mass = new Float64Array(states.length);
  for (const opening of process.openings) mass[index.get(opening)!] = 1 / process.openings.length;
  for (let units = 1, alive = 1; units <= process.maxUnits; units++) {
    const arrived = new Float64Array(states.length);
    for (let i = 0; i < states.length; i++) {
      if (mass[i] === 0) continue;
      bits += mass[i] * costs[i].bits;
      bytes += mass[i] * costs[i].bytes;
      const { probabilities, targets } = ways[i];
      for (let way = 0; way < targets.length; way++) {
        const target = targets[way];
        const to = states[target].isBoundary ? arrived : mass;
        to[target] += mass[i] * probabilities[way];
      }
    }
    const end = endProbability(process, units);
    const goesOn = alive * (1 - end);
    bits += alive * (surprise(end) + surprise(1 - end)) + goesOn * joint.bits;
    bytes += goesOn * joint.bytes;
    mass = arrived.map((value) => value * (1 - end));
    alive = goesOn;
  }
  return bits / bytes;
}

/** States such that within a unit every branch leads forward. @throws RangeError for a loop without a boundary. */
function statesInOrder(openings: readonly State[]): State[] {
  const finished: State[] = [];
  const seen = new Map<State, "open" | "done">();
  const starts = [...openings];
  for (let at = 0; at < starts.length; at++) visit(starts[at]);
  return finished.reverse();

  function visit(state: State): void {
    if (seen.has(state)) return;
    seen.set(state, "open");
    for (const { next } of state.branches) {
      if (next.isBoundary) starts.push(next);
      else if (seen.get(next) === "open") {
        throw new RangeError(
          `Cannot order states: expected no loop in a unit, found one at "${next.key}"`,
        );
      } else visit(next);
    }
    seen.set(state, "done");
    finished.push(state);
  }
}

interface Cost {
  readonly bits: number;
  readonly bytes: number;
}

function branchCost(branches: readonly Pick<Branch, "text" | "probability">[]): Cost {
  let [bits, bytes] = [0, 0];
  for (const { text, probability } of branches) {
    bits += surprise(probability);
    bytes += probability * Buffer.byteLength(text);
  }
  return { bits, bytes };
}

function jointCost(joints: readonly Joint[]): Cost {
  const total = joints.reduce((sum, joint) => sum + joint.weight, 0);
  return branchCost(joints.map(({ text, weight }) => ({ text, probability: weight / total })));
}

/** −p log₂ p: what an outcome of probability p adds to an entropy. */
function surprise(p: number): number {
  return p === 0 ? 0 : -p * Math.log2(p);
}

/** Two choices with the same text are one branch. They must lead to one state, or the text would hide a choice. */
function merge(key: string, choices: readonly Choice[]): Branch[] {
  const merged = new Map<string, { text: string; probability: number; next: State }>();
  let total = 0;
  for (const [weight, text, next] of choices) {
    total += weight;
    const known = merged.get(text);
    if (known === undefined) merged.set(text, { text, probability: weight, next });
    else if (known.next === next) known.probability += weight;
    else {
      throw new RangeError(
        `Cannot make branches of state "${key}": expected "${text}" to lead to one state, ` +
          `found "${known.next.key}" and "${next.key}"`,
      );
    }
  }
  const branches = [...merged.values()];
  for (const branch of branches) branch.probability /= total;
  return branches;
}
