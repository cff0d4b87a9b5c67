/**
 * What the machine has for instances that run at once, and what they claim.
 */
import { freeMemoryBytes } from "../base/mod.ts";

/** Of the memory that is free when a run starts, what instances may claim: the rest is for the system and for us. */
const claimableShare = 0.9;

export interface Share {
  readonly threads: number;
  readonly memoryBytes: number;
}

/** Threads and memory of a machine, given out to instances. */
export class Capacity {
  #threads: number;
  #memoryBytes: number;
  #claims = 0;

  constructor({ threads, memoryBytes }: Share) {
    this.#threads = threads;
    this.#memoryBytes = memoryBytes;
  }

  /** Whether a claim may start now. One that no machine like this could hold starts alone. */
  fits({ threads, memoryBytes }: Share): boolean {
    return this.#claims === 0 || threads <= this.#threads && memoryBytes <= this.#memoryBytes;
  }

  take({ threads, memoryBytes }: Share): void {
    this.#claims++;
    this.#threads -= threads;
    this.#memoryBytes -= memoryBytes;
  }

  giveBack({ threads, memoryBytes }: Share): void {
    this.#claims--;
    this.#threads += threads;
    this.#memoryBytes += memoryBytes;
  }
}

/** What this machine has now: its cores, and a share of the memory that is free, within the control group's limit. */
export function machineCapacity(): Share {
  return {
    threads: navigator.hardwareConcurrency,
    memoryBytes: claimableShare * freeMemoryBytes(),
  };
}
