/**
 * Attention in blocks of queries, for engines without a kernel of their own: a block of a causal attention looks only at the keys
 * up to its end. So two blocks compute and keep three quarters of the scores, four five eighths. The probabilities of each block stay
 * for the gradient.
 */
import {
  add,
  attention,
  attentionGradient,
  concat,
  exp,
  float32,
  fusedMatMul,
  type Graph,
  matMul,
  mul,
  type Node,
  pad,
  reduceLogSumExp,
  reduceSum,
  reshape,
  slice,
  softmax,
  sub,
} from "../model/mod.ts";
import { Expansion } from "./expansion.ts";

/** Queries `from` to `to`, which see keys up to `keys`. */
interface Block {
  readonly from: number;
  readonly to: number;
  readonly keys: number;
}

/**
 * Shorter blocks, and more of them, cost more in copies of keys and values than they save: measured with 1 to 8 blocks at 256, 512 and
 * 1,024 positions.
 */
const leastBlock = 128;
const mostBlocks = 4;

/** A score that softmax turns into zero. */
const hiddenScore = -1e9;

/** How the queries of an attention are cut; any machine gives the same blocks. */
export function queryBlocks(queries: number, keys: number, isCausal: boolean): readonly Block[] {
  if (!isCausal) return [{ from: 0, to: queries, keys }];
  const count = Math.max(1, Math.min(mostBlocks, Math.floor(queries / leastBlock)));
  const ends = Array.from({ length: count }, (_, i) => Math.round((i + 1) * queries / count));
  return ends.map((to, i) => ({ from: i === 0 ? 0 : ends[i - 1], to, keys: to }));
}

/**
 * The graph without Attention and AttentionGradient.
 * @param hasHalfProducts Whether products round to half precision. Then D is summed over keys, from the very numbers that it is taken
 *   off: from the rounded context it would leave each query a rest, and all rests together a gradient where the true one is 0.
 */
export function expandAttention(graph: Graph, hasHalfProducts = false): Graph {
  if (!graph.nodes.some(isAttention)) return graph;
  const expansion = new Expansion(graph);
  const writer = new AttentionWriter(expansion, hasHalfProducts);
  return expansion.expand((node) => {
    if (node.operator === attention) writer.forward(node);
    else if (node.operator === attentionGradient) writer.backward(node);
    else return false;
    return true;
  });
}

function isAttention({ operator }: Node): boolean {
  return operator === attention || operator === attentionGradient;
}

class AttentionWriter {
  readonly #to: Expansion;
  readonly #hasHalfProducts: boolean;
  /** Probabilities of each block, by logSumExp. */
  readonly #probabilities = new Map<string, readonly string[]>();
  /** Parts of biases, which layers share. */
  readonly #biases = new Map<string, string>();

  constructor(to: Expansion, hasHalfProducts: boolean) {
    this.#to = to;
    this.#hasHalfProducts = hasHalfProducts;
  }

  forward(node: Node): void {
    const { inputs: [, , v, , mask], outputs: [context, logSumExp] } = node;
    const blocks = this.#blocksOf(node);
    const scores = this.#scores(node, blocks);
    const probabilities = scores.map((part) => this.#to.apply(softmax, [part], { axis: -1 }));
    this.#probabilities.set(logSumExp, probabilities);
    this.#joined(blocks, context, -2, (block, i, output) => {
      const weights = this.#weights(probabilities[i], mask, block);
      return this.#to.apply(matMul, [weights, this.#rows(v, 0, block.keys)], {}, output);
    });
    this.#joined(
      blocks,
      logSumExp,
      -1,
      (_, i, output) =>
        this.#to.apply(reduceLogSumExp, [scores[i]], { axes: [-1], keepdims: 0 }, output),
    );
  }

  backward(node: Node): void {
    const { inputs: [q, k, v, , context, logSumExp, dO, mask], outputs: [dQ, dK, dV] } = node;
    const alpha = node.attributes.alpha ?? 1;
    const blocks = this.#blocksOf(node);
    const probabilities = this.#probabilities.get(logSumExp) ??
      this.#probabilitiesAgain(node, blocks, logSumExp);
    const means = this.#hasHalfProducts ? undefined : this.#sumOfProducts(dO, context); // (..., T, 1)
    const towards = { keys: [] as string[], values: [] as string[] };
    const only = (value: string) => blocks.length === 1 ? value : undefined;
    this.#joined(blocks, dQ, -2, (block, i, output) => {
      const { from, to, keys } = block;
      const dContext = this.#rows(dO, from, to);
      const weights = this.#weights(probabilities[i], mask, block); // (..., queries, keys) of the block
      towards.values.push(
        this.#to.apply(fusedMatMul, [weights, dContext], { transA: 1 }, only(dV)),
      );
      const values = this.#rows(v, 0, keys);
      const dWeights = this.#to.apply(fusedMatMul, [dContext, values], { transB: 1 });
      const dProbabilities = this.#weights(dWeights, mask, block);
      const mean = means === undefined
        ? this.#sumOfProducts(dProbabilities, probabilities[i])
        : this.#rows(means, from, to);
      const centred = this.#to.apply(sub, [dProbabilities, mean]);
      const dScores = this.#to.apply(mul, [centred, probabilities[i]]);
      const queries = this.#rows(q, from, to);
      towards.keys.push(
        this.#to.apply(fusedMatMul, [dScores, queries], { transA: 1, alpha }, only(dK)),
      );
      return this.#to.apply(fusedMatMul, [dScores, this.#rows(k, 0, keys)], { alpha }, output);
    });
    this.#summed(towards.keys, dK);
    this.#summed(towards.values, dV);
  }

  /** Row by row, as a column. */
  #sumOfProducts(a: string, b: string): string {
    const products = this.#to.apply(mul, [a, b]);
    return this.#to.apply(reduceSum, [products], { axes: [-1], keepdims: 1 });
  }

  #blocksOf({ inputs: [q, k], attributes }: Node): readonly Block[] {
    const [queries, keys] = [q, k].map((value) => this.#to.type(value).shape.at(-2)!);
    return queryBlocks(queries, keys, attributes.causal === 1);
  }

  /** Scores of each block, with the bias: (..., queries, keys) of the block. */
  #scores({ inputs: [q, k, , bias], attributes }: Node, blocks: readonly Block[]): string[] {
    const alpha = attributes.alpha ?? 1;
    return blocks.map((block) => {
      const factors = [this.#rows(q, block.from, block.to), this.#rows(k, 0, block.keys)];
      const scores = this.#to.apply(fusedMatMul, factors, { transB: 1, alpha });
      const shown = this.#biasOf(bias, block, attributes.causal === 1);
      return this.#to.apply(add, [scores, shown]);
    });
  }

  /** Where a graph has no forward pass, or not this one. */
  #probabilitiesAgain(node: Node, blocks: readonly Block[], logSumExp: string): string[] {
    const { shape } = this.#to.type(logSumExp);
    const logs = this.#to.apply(reshape, [logSumExp], { shape: [...shape, 1] });
    return this.#scores(node, blocks).map((scores, i) => {
      const { from, to } = blocks[i];
      return this.#to.apply(exp, [this.#to.apply(sub, [scores, this.#rows(logs, from, to)])]);
    });
  }

  /** The part of a bias that a block adds to its scores. */
  #biasOf(bias: string, { from, to, keys }: Block, isCausal: boolean): string {
    const key = JSON.stringify([bias, from, to, keys, isCausal]);
    let part = this.#biases.get(key);
    if (part === undefined) {
      part = this.#part(bias, -1, 0, keys);
      part = this.#rows(part, from, to);
      if (isCausal) {
        const hidden = Array.from(
          { length: (to - from) * keys },
          (_, at) => at % keys > from + Math.floor(at / keys) ? hiddenScore : 0,
        );
        const mask = this.#to.constant(hidden, float32([to - from, keys]));
        part = this.#to.apply(add, [part, mask]);
      }
      this.#biases.set(key, part);
    }
    return part;
  }

  /** Weights of a block times their part of the mask. */
  #weights(probabilities: string, mask: string | undefined, { from, to, keys }: Block): string {
    if (mask === undefined) return probabilities;
    const part = this.#rows(this.#part(mask, -1, 0, keys), from, to);
    return this.#to.apply(mul, [probabilities, part]);
  }

  #rows(value: string, from: number, to: number): string {
    return this.#part(value, -2, from, to);
  }

  /** Indices `from` to `to` of an axis, which counts from the end; all of it where it is stretched. */
  #part(value: string, axis: number, from: number, to: number): string {
    const { shape } = this.#to.type(value);
    const length = shape.at(axis) ?? 1;
    if (length === 1 || (from === 0 && to === length)) return value;
    return this.#to.apply(slice, [value], { axes: [axis], starts: [from], ends: [to] });
  }

  /** Makes a value of one part for each block. */
  #joined(
    blocks: readonly Block[],
    value: string,
    axis: number,
    partOf: (block: Block, index: number, output?: string) => string,
  ): void {
    if (blocks.length === 1) {
      partOf(blocks[0], 0, value);
      return;
    }
    this.#to.apply(concat, blocks.map((block, i) => partOf(block, i)), { axis }, value);
  }

  /** Adds up parts (..., keys of the block, S), each of which begins with the first key. */
  #summed(parts: readonly string[], value: string): void {
    const { shape } = this.#to.type(value);
    const padded = parts.map((part) => {
      const pads = [...shape, ...shape].fill(0);
      pads[pads.length - 2] = shape.at(-2)! - this.#to.type(part).shape.at(-2)!;
      return pads.some((zeros) => zeros > 0) ? this.#to.apply(pad, [part], { pads }) : part;
    });
    padded.reduce((sum, part, i) =>
      this.#to.apply(add, [sum, part], {}, i === parts.length - 1 ? value : undefined)
    );
  }
}
