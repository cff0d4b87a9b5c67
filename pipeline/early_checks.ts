/**
 * Checks that come before anything costly: what the recipe and the results of cheap stages tell of the rest.
 */
import { UsageError } from "../base/mod.ts";
import type { Instance, Instances } from "./instances.ts";
import type { InstanceId } from "./stage.ts";
import { withNeeds } from "./targets.ts";

/** What a run knows of its instances. */
export interface KnownResults {
  isMade(id: InstanceId): boolean;
  hasFailed(id: InstanceId): boolean;
  /** The folder of an output that is made; undefined where it is damaged. */
  folderOf(id: InstanceId, output: string): Promise<string | undefined>;
}

/** The instances of a run whose stages have a check. They wait for each other's checks. */
export class EarlyChecks {
  readonly #instances: Instances;
  readonly #checked: readonly Instance[];
  /** What they need, directly or not, that needs none of them. */
  readonly #before: readonly Instance[];
  /** One of these that was not made when it was last looked. */
  #lacking: Instance | undefined;
  /** Undefined until the checks are made; then what was refused, and why. */
  #refused: ReadonlyMap<InstanceId, UsageError> | undefined;

  /** @param ids What a run brings up to date, in the order of the plan. */
  constructor(instances: Instances, ids: readonly InstanceId[]) {
    this.#instances = instances;
    const hasCheck = (id: InstanceId) => instances.get(id)!.stage.check !== undefined;
    this.#checked = ids.filter(hasCheck).map((id) => instances.get(id)!);
    const needsChecked = new Set<InstanceId>();
    const before: Instance[] = [];
    for (const id of withNeeds(this.#checked.map(({ id }) => id), instances)) {
      const instance = instances.get(id)!;
      const isAfter = hasCheck(id) || instance.needs.some((needed) => needsChecked.has(needed));
      if (isAfter) needsChecked.add(id);
      else before.push(instance);
    }
    this.#before = before;
  }

  /** Whether an instance may not start: the checks are still to come, or its own has refused it. */
  holds(id: InstanceId): boolean {
    if (this.#instances.get(id)!.stage.check === undefined) return false;
    return this.#refused === undefined || this.#refused.has(id);
  }

  /** All that was refused, each reason once; undefined where nothing was. */
  get refusal(): UsageError | undefined {
    const messages = new Set([...this.#refused?.values() ?? []].map(({ message }) => message));
    return messages.size === 0 ? undefined : new UsageError([...messages].join("\n"));
  }

  /** Makes the checks, once: when everything before them is made, or cannot be. */
  async makeWhenDue(known: KnownResults): Promise<void> {
    if (this.#refused !== undefined) return;
    // What lacked last time most often lacks still, the last one longest: nothing else is looked at then.
    if (this.#lacking !== undefined && this.#isAwaited(this.#lacking, known)) return;
    this.#lacking = this.#before.findLast((one) => this.#isAwaited(one, known));
    if (this.#lacking !== undefined) return;
    const refused = new Map<InstanceId, UsageError>();
    for (const instance of this.#checked) {
      if (known.isMade(instance.id)) continue;
      try {
        await this.#check(instance, known);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        refused.set(instance.id, error);
      }
    }
    this.#refused = refused;
  }

  /** Whether an instance is not made, and may be yet. */
  #isAwaited(instance: Instance, known: KnownResults): boolean {
    const cannotBeMade = ({ id, needs }: Instance): boolean =>
      known.hasFailed(id) ||
      needs.some((needed) => !known.isMade(needed) && cannotBeMade(this.#instances.get(needed)!));
    return !known.isMade(instance.id) && !cannotBeMade(instance);
  }

  async #check(instance: Instance, known: KnownResults): Promise<void> {
    const inputs: Record<string, string> = {};
    for (const [name, { from, output }] of instance.inputs) {
      if (!known.isMade(from)) continue;
      const folder = await known.folderOf(from, output);
      if (folder === undefined) return; // it is made again when the instance starts
      inputs[name] = folder;
    }
    await instance.stage.check!(instance.declaration, inputs);
  }
}
