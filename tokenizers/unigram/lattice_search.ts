/**
 * A lattice on which a team of threads does EM steps and pruning: each has its share of the segments, or of the candidates.
 *
 * Terms are rounded to a grid (`exact_sum.ts`), so the shares add up to the same numbers however many there are.
 */
import type { Lattice } from "./lattice.ts";
import { selectHighest } from "./selection.ts";
import type { Team } from "./team.ts";
import type { SearchArrays } from "./training_work.ts";

export class LatticeSearch {
  readonly lattice: Lattice;
  readonly #team: Team;
  readonly #arrays: readonly SearchArrays[]; // by thread
  /** Whether the next E-step filters edges. */
  #filters = false;

  /** To be opened before use. @param probabilities by candidate, in the team's memory */
  constructor(lattice: Lattice, probabilities: Float64Array, team: Team) {
    this.lattice = lattice;
    this.#team = team;
    const { size } = lattice.arrays;
    const counts = team.allocate(Float64Array, size);
    const shared = {
      lattice: lattice.arrays,
      probabilities,
      counts,
      losses: team.allocate(Float64Array, size),
      renumbered: team.allocate(Int32Array, size),
    };
    this.#arrays = Array.from({ length: team.size }, (_, i): SearchArrays => ({
      ...shared,
      ownCounts: i === 0 ? counts : team.allocate(Float64Array, size),
    }));
  }

  /** Gives every thread its share. */
  async open(): Promise<void> {
    const shares = this.lattice.shares(this.#team.size);
    await this.#team.all(
      shares.map((share, i) => ({ kind: "search", arrays: this.#arrays[i], share })),
    );
  }

  /** Of the candidates that are left: probabilities, to be changed in place, and uses by the last E-step. */
  get probabilities(): Float64Array {
    return this.#arrays[0].probabilities.subarray(0, this.lattice.size);
  }
  get counts(): Float64Array {
    return this.#arrays[0].counts.subarray(0, this.lattice.size);
  }

  /** The E-step: fills `counts`, and returns the logarithm of the probability of all segments, in nats. */
  async expect(characterLogProb: number): Promise<number> {
    const { size } = this.lattice;
    const logLikelihoods = await this.#team.all<number>(
      this.#arrays.map(() => ({ kind: "expect", size, characterLogProb, filters: this.#filters })),
    );
    this.#filters = false;
    const [{ counts }, ...others] = this.#arrays;
    for (const { ownCounts } of others) {
      for (let i = 0; i < size; i++) counts[i] += ownCounts[i];
    }
    return logLikelihoods.reduce((sum, share) => sum + share, 0);
  }

  /**
   * Drops candidates until `size` are left: those whose loss lowers the likelihood of the text least, first of all those whose
   * probability is 0 or that are not used. Characters stay. Returns those that are kept, ascending.
   */
  async prune(size: number): Promise<Int32Array> {
    const { counts, lattice, probabilities } = this;
    let total = 0; // of grid points: exact in any order
    for (let i = 0; i < counts.length; i++) total += counts[i];
    const share = Math.ceil(lattice.size / this.#team.size);
    await this.#team.all(this.#arrays.map((_, i) => {
      const range = {
        from: Math.min(lattice.size, share * i),
        to: Math.min(lattice.size, share * (i + 1)),
      };
      return { kind: "losses", range, total };
    }));
    // Candidates stand in the order of their content, so of equal losses the first by content are kept.
    const kept = selectHighest(this.#arrays[0].losses.subarray(0, lattice.size), size);
    for (let i = 0; i < kept.length; i++) probabilities[i] = probabilities[kept[i]];
    this.keep(kept);
    return kept;
  }

  /** Keeps these candidates, ascending: candidate `kept[i]` becomes i. */
  keep(kept: Int32Array): void {
    this.lattice.keep(kept, this.#arrays[0].renumbered);
    this.#filters = true;
  }
}
