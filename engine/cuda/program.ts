/**
 * A program on an Nvidia card: parameters, sums of gradients and moments stay there; feeds go in, outputs and the squared norms of
 * gradients come out. All memory is taken when the program is made.
 */
import { formatBytes, StageError } from "../../base/mod.ts";
import { type Graph, sizeOf } from "../../model/mod.ts";
import { adamWStep } from "../adamw_step.ts";
import { expandAttention } from "../attention_blocks.ts";
import type { AdamWOptions, Feeds, Fetches, UpdateResult } from "../engine.ts";
import { EngineProgram } from "../engine_program.ts";
import { gradientNormsOf } from "../gradient_norms.ts";
import { aligned } from "./arena.ts";
import type { Card } from "./card.ts";
import { CardStore } from "./card_store.ts";
import { type Argument, overList, type Place, type Rule } from "./command.ts";
import { DriverError } from "./driver.ts";
import { Launches } from "./launches.ts";
import { hasAttentionKernels } from "./ops/attention.ts";
import { rulesFor } from "./ops/rules.ts";
import { type Plan, planFor, type PlannedCommand, sortTokens, sumOf } from "./plan.ts";

interface Block {
  readonly address: bigint;
  readonly bytes: number;
}

/** A plan whose values lie in some memory. */
interface Ready {
  readonly plan: Plan;
  readonly arena: Block;
  readonly launches: Launches;
}

/** Elements whose squares a block of the kernel `squares` adds up. */
const squaresPerBlock = 16_384;
/** Sums of squares of blocks, in float64, of one trained parameter after the other. */
const squaresName = "~squares";

export class CudaProgram extends EngineProgram<CardStore> {
  readonly #card: Card;
  /** The graph as it runs: its attention taken apart where heads are too wide for the kernels. */
  readonly #expanded: Graph;
  readonly #sums: CardStore;
  readonly #constants: CardStore;
  readonly #ruleOf: Readonly<Record<string, Rule>>;
  /** Blocks of squares of each trained parameter. */
  readonly #squareBlocks: readonly number[];
  readonly #squares: Block;
  readonly #squareLaunches: Launches;
  #arena: Block;
  readonly #ready = new Map<string, Ready>();
  readonly #allocations: bigint[] = [];

  /**
   * @param ruleOf What a card does for an operator.
   * @throws StageError where the card's memory is too small, saying what fits.
   */
  constructor(
    card: Card,
    graph: Graph,
    optimizer?: AdamWOptions,
    ruleOf: Readonly<Record<string, Rule>> = rulesFor(card.precision),
  ) {
    const { driver } = card;
    super(graph, (shapes) => new CardStore(driver, shapes), optimizer);
    this.#card = card;
    this.#ruleOf = ruleOf;
    this.#expanded = hasAttentionKernels(graph) ? graph : expandAttention(graph);
    const sums = Object.entries(this.trained).map(([name, shape]) => [sumOf(name), shape] as const);
    this.#sums = new CardStore(driver, Object.fromEntries(sums));
    const constants = Object.entries(this.#expanded.constants);
    this.#constants = new CardStore(
      driver,
      Object.fromEntries(constants.map(([name, { type }]) => [name, type.shape])),
    );
    this.#squareBlocks = Object.values(this.trained).map((shape) =>
      Math.ceil(sizeOf(shape) / squaresPerBlock)
    );
    const squareBytes = 8 * this.#squareBlocks.reduce((sum, blocks) => sum + blocks, 0);

    const stores = [this.parameters, this.moments, this.#sums, this.#constants];
    const kept = stores.reduce((sum, { bytes }) => sum + bytes, aligned(squareBytes));
    const first = this.#firstPlan();
    let at = this.#take(kept + first.arena.bytes, first);
    for (const store of stores) {
      store.place(at);
      at += BigInt(store.bytes);
    }
    this.#squares = { address: at, bytes: squareBytes };
    this.#arena = { address: at + BigInt(aligned(squareBytes)), bytes: first.arena.bytes };
    for (const [name, { data }] of constants) driver.put(this.#constants.address(name), data);
    this.#squareLaunches = this.#launchesOf(this.#squareCommands());
  }

  protected async compute(feeds: Feeds, outputs: readonly string[]): Promise<Fetches> {
    return await this.#run(this.#forward(outputs), feeds, outputs);
  }

  protected async addGradients(feeds: Feeds): Promise<Fetches> {
    return await this.#run(this.#training(), feeds, Object.keys(this.graph.outputs));
  }

  protected async gradientNorms(): Promise<UpdateResult> {
    const { driver } = this.#card;
    this.#squareLaunches.run();
    await driver.finish("add up the squares of gradients");
    const sums = new Float64Array(this.#squares.bytes / 8);
    driver.take(this.#squares.address, sums);
    let first = 0;
    return gradientNormsOf(
      Object.keys(this.trained).map((name, i) => {
        const own = sums.subarray(first, first += this.#squareBlocks[i]);
        return [name, own.reduce((sum, square) => sum + square, 0)];
      }),
    );
  }

  protected adamW(
    rates: ReadonlyMap<string, number>,
    scale: number,
    optimizer: AdamWOptions,
  ): void {
    const commands = [...rates].map(([name, rate]): PlannedCommand => {
      const { gradientScale, beta1, beta2, stepSize, rootScale, epsilon, keep } = adamWStep(
        optimizer,
        rate,
        scale,
        this.step,
      );
      const n = sizeOf(this.trained[name]);
      const list: readonly Argument[] = [
        ...[name, sumOf(name), `${name}.m`, `${name}.v`],
        ...[n, gradientScale, beta1, 1 - beta1, beta2, 1 - beta2],
        ...[stepSize, rootScale, epsilon, keep],
      ];
      const command = { kernel: "adamw", grid: overList(n), arguments: list };
      return { command, purpose: `the update of ${name}` };
    });
    this.#launchesOf(commands).run();
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    this.#sums.clear();
  }

  protected async release(): Promise<void> {
    try {
      await this.#card.driver.finish("end a program");
      for (const address of this.#allocations.splice(0)) this.#card.driver.free(address);
    } catch (error) {
      // Of a lost card nothing can be freed, and whoever used it has said that it is lost.
      if (!(error instanceof DriverError && error.isLost)) throw error;
    }
  }

  /** Runs a plan and takes its outputs to the host. */
  async #run(
    { plan, arena, launches }: Ready,
    feeds: Feeds,
    outputs: readonly string[],
  ): Promise<Fetches> {
    const { driver } = this.#card;
    this.checkFeeds(plan.inputs, feeds);
    const address = (value: string) => this.#address(plan.placeOf(value), plan, arena);
    for (const input of plan.inputs) driver.put(address(input), feeds[input]);
    for (const [name, data] of plan.constants) driver.put(address(name), data);
    for (const { source, rows, order, first } of plan.sortedIds) {
      const ids = feeds[source] ?? this.#expanded.constants[source].data;
      const sorted = sortTokens(ids as Int32Array, rows);
      driver.put(address(order), sorted.order);
      driver.put(address(first), sorted.first);
    }
    launches.run();
    await driver.finish("run a graph");
    return Object.fromEntries(outputs.map((name) => {
      const value = this.graph.outputs[name];
      const { dtype, shape } = this.graph.types[value];
      const data = new (dtype === "float32" ? Float32Array : Int32Array)(sizeOf(shape));
      driver.take(address(value), data);
      return [name, Float32Array.from(data)];
    }));
  }

  #firstPlan(): Plan {
    const values = Object.values(this.graph.outputs);
    return this.#plan(values, this.#expanded.gradients);
  }

  #plan(values: readonly string[], gradients: Graph["gradients"]): Plan {
    const givesHalves = this.#card.multiplier?.takesHalves;
    return planFor(this.#expanded, values, gradients, this.#ruleOf, givesHalves);
  }

  #training(): Ready {
    return this.#readyFor("training", () => this.#firstPlan());
  }

  #forward(outputs: readonly string[]): Ready {
    const values = outputs.map((name) => this.graph.outputs[name]);
    return this.#readyFor(`forward ${values.join(" ")}`, () => this.#plan(values, {}));
  }

  /** A plan's launches, which are made again when the arena has moved. */
  #readyFor(key: string, makePlan: () => Plan): Ready {
    const known = this.#ready.get(key);
    if (known !== undefined && known.arena === this.#arena) return known;
    const plan = known?.plan ?? makePlan();
    if (plan.arena.bytes > this.#arena.bytes) {
      this.#arena = { address: this.#take(plan.arena.bytes, plan), bytes: plan.arena.bytes };
    }
    const arena = this.#arena;
    const ready = { plan, arena, launches: this.#launchesOf(plan.commands, plan, arena) };
    this.#ready.set(key, ready);
    return ready;
  }

  #squareCommands(): PlannedCommand[] {
    let block = 0;
    return Object.entries(this.trained).map(([name, shape], i) => {
      const blocks = this.#squareBlocks[i];
      const squares = { value: squaresName, offset: 2 * block }; // places count words of 4 bytes
      block += blocks;
      const list = [squares, sumOf(name), sizeOf(shape)];
      const grid = { blocks: [blocks, 1, 1], threads: 256 } as const;
      const command = { kernel: "squares", grid, arguments: list };
      return { command, purpose: `the norm of ${name}` };
    });
  }

  #launchesOf(commands: readonly PlannedCommand[], plan?: Plan, arena = this.#arena): Launches {
    return new Launches(this.#card, commands, (place) => this.#address(place, plan, arena));
  }

  #address({ value, offset }: Place, plan: Plan | undefined, arena: Block): bigint {
    const whole = plan?.placeOf(value) ?? { value, offset: 0 };
    const bytes = BigInt(4 * (whole.offset + offset));
    if (whole.value === squaresName) return this.#squares.address + bytes;
    const store = [this.parameters, this.moments, this.#sums, this.#constants].find((store) =>
      store.has(whole.value)
    );
    if (store !== undefined) return store.address(whole.value) + bytes;
    const at = plan?.arena.offsets.get(whole.value);
    if (at === undefined) throw new Error(`Cannot find ${value} on the card: it has no place`);
    return arena.address + BigInt(at) + bytes;
  }

  /** Memory of the card. @throws StageError where it is not free. */
  #take(bytes: number, { arena, inputs }: Plan): bigint {
    const { driver } = this.#card;
    const address = driver.allocate(bytes);
    if (address !== undefined) {
      this.#allocations.push(address);
      return address;
    }
    const { free } = driver.memory();
    const rows = inputs.map((name) => this.graph.inputs[name].shape[0] ?? 1);
    const now = Math.max(1, ...rows);
    const fitting = Math.floor(now * (free - (bytes - arena.bytes)) / arena.bytes);
    throw new StageError(
      `Cannot place a program on ${driver.cardName}: expected ${
        formatBytes(bytes)
      } of free memory, found ${formatBytes(free)}; ${
        fitting < 1
          ? "no micro-batch fits"
          : `of ${now} sequences about ${fitting} fit: set microBatchSize`
      }`,
    );
  }
}
