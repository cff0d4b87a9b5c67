/**
 * Looks after the steps of a run: losses and gradients that are not finite, losses that leap, and what is done about them.
 */
import type { GuardPolicy, GuardSettings } from "./settings.ts";

/** A step that was not taken. */
export type GuardEvent = {
  readonly step: number;
  readonly what: "loss" | "gradient norm" | "loss spike";
  /** As text, since it may not be finite. */
  readonly found: string;
  readonly policy: GuardPolicy;
};

/** What a guard remembers; plain data for checkpoints. */
export type GuardRecord = {
  /** Losses of the last steps, oldest first. */
  readonly recent: readonly number[];
  readonly rateFactor: number;
  readonly events: readonly GuardEvent[];
};

export class Guard {
  readonly #settings: GuardSettings;
  #record: GuardRecord;

  constructor(settings: GuardSettings, record?: GuardRecord) {
    this.#settings = settings;
    this.#record = record ?? { recent: [], rateFactor: 1, events: [] };
  }

  /** What the rate is multiplied with. */
  get rateFactor(): number {
    return this.#record.rateFactor;
  }

  /** To be kept with the run; undefined while there is nothing to remember. */
  get record(): GuardRecord | undefined {
    const { recent, events } = this.#record;
    return recent.length + events.length > 0 ? this.#record : undefined;
  }

  /** What is wrong with a loss; undefined when nothing is. */
  objection(loss: number): Omit<GuardEvent, "step"> | undefined {
    if (!Number.isFinite(loss)) return this.nonFinite("loss", loss);
    const { spikeNats, spikeWindow, spike } = this.#settings;
    const { recent } = this.#record;
    if (spikeNats === null || recent.length < spikeWindow) return undefined;
    const mean = recent.reduce((sum, value) => sum + value, 0) / recent.length;
    if (loss - mean <= spikeNats) return undefined;
    const found = `${loss.toFixed(3)} nats after a mean of ${mean.toFixed(3)}`;
    return { what: "loss spike", found, policy: spike };
  }

  nonFinite(what: "loss" | "gradient norm", found: number): Omit<GuardEvent, "step"> {
    return { what, found: String(found), policy: this.#settings.nonFinite };
  }

  /**
   * Remembers a loss, whether its step was taken or not: where the weights have become worse, all later losses are as high,
   * and these must not count as spikes without end.
   */
  saw(loss: number): void {
    const { spikeNats, spikeWindow } = this.#settings;
    if (spikeNats === null || !Number.isFinite(loss)) return;
    this.#record = {
      ...this.#record,
      recent: [...this.#record.recent, loss].slice(-spikeWindow),
    };
  }

  /** Notes a step that is not taken. @returns Whether training may go on without it. */
  leaveOut(event: GuardEvent): boolean {
    const { events, rateFactor } = this.#record;
    if (event.policy === "stop" || events.length >= this.#settings.attempts) return false;
    this.#record = {
      ...this.#record,
      rateFactor: event.policy === "lower" ? rateFactor * this.#settings.lowerFactor : rateFactor,
      events: [...events, event],
    };
    return true;
  }
}
