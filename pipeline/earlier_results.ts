/**
 * The earlier results in a store, by instance and by stage. They are read once, when they are first needed.
 */
import type { Manifest } from "./manifest.ts";
import type { Store } from "./store.ts";

export class EarlierResults {
  readonly #store: Store;
  #byBase: Map<string, Manifest[]> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Results of an instance on all axes of a study, the newest first. */
  of(base: string): readonly Manifest[] {
    return this.#all().get(base) ?? [];
  }

  /** Results of all instances of a stage, grouped by instance; in a group the newest is first. */
  ofStage(stage: string): readonly Manifest[] {
    return [...this.#all()].filter(([base]) => base === stage || base.startsWith(`${stage}/`))
      .flatMap(([, manifests]) => manifests);
  }

  #all(): Map<string, Manifest[]> {
    if (this.#byBase !== undefined) return this.#byBase;
    this.#byBase = new Map();
    for (const manifest of this.#store.manifests()) {
      const base = withoutAxes(manifest.instance);
      if (!this.#byBase.has(base)) this.#byBase.set(base, []);
      this.#byBase.get(base)!.push(manifest);
    }
    for (const manifests of this.#byBase.values()) manifests.sort(newestFirst);
    return this.#byBase;
  }
}

function withoutAxes(id: string): string {
  const at = id.indexOf("@");
  return at < 0 ? id : id.slice(0, at);
}

function newestFirst(a: Manifest, b: Manifest): number {
  const [first, second] = [a.provenance.madeAt, b.provenance.madeAt];
  return first > second ? -1 : first < second ? 1 : a.key < b.key ? -1 : 1;
}
