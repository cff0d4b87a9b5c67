/**
 * Options of commands whose work crosses an exchange.
 */
import { resolve } from "node:path";
import { exchangeNeeds } from "../exchange/mod.ts";
import { maxThreads, UsageError } from "../base/mod.ts";
import type { Instance, Instances } from "../pipeline/instances.ts";
import type { SharedWork } from "../pipeline/stage.ts";
import { wholeNumber } from "./option_values.ts";

export interface ExchangeOptions {
  readonly exchange?: string;
  readonly workers?: string;
}

/** The exchange that a user names, and what processes need for it. @throws UsageError where it cannot be reached from here */
export function exchangeOf(exchange: string): Pick<SharedWork, "url" | "access" | "module"> {
  const url = exchange.replace(/^folder:(.+)$/s, (_, folder) => `folder:${resolve(folder)}`);
  const { module, files, ...access } = exchangeNeeds(url, Deno.env);
  return { url, module, access: { ...access, files: files.map((path) => resolve(path)) } };
}

/** What `--exchange` and `--workers` ask for; undefined without them. @throws UsageError */
export function sharedWorkOf({ exchange, workers }: ExchangeOptions): SharedWork | undefined {
  if (exchange !== undefined) {
    const count = wholeNumber("--workers", workers ?? "1", 0, maxThreads);
    return { ...exchangeOf(exchange), workers: count };
  }
  if (workers === undefined) return undefined;
  throw new UsageError(
    `Cannot accept --workers ${workers}: expected --exchange beside it; ` +
      `--set pretrain.parallelSources=${workers} needs none`,
  );
}

/** An instance as it is where its work is shared; undefined if it has no parts that can be. */
function shared(instance: Instance, work: SharedWork): Instance | undefined {
  const changes = instance.stage.share?.(instance.declaration, work);
  return changes && { ...instance, declaration: { ...instance.declaration, ...changes } };
}

/** Whether an instance has parts that others can do. */
export function sharesWork(instance: Instance, work: SharedWork): boolean {
  return shared(instance, work) !== undefined;
}

/** Instances as they are where their work is shared; those without such parts stay as they are. */
export function withSharedWork(instances: Instances, work: SharedWork): Instances {
  return new Map([...instances].map(([id, one]) => [id, shared(one, work) ?? one]));
}

/** @throws UsageError unless one of these instances has parts that others can do */
export function checkSharesWork(instances: readonly Instance[], work: SharedWork): void {
  if (instances.some((instance) => sharesWork(instance, work))) return;
  const [{ id }] = instances;
  throw new UsageError(
    `Cannot use an exchange for ${id}${instances.length > 1 ? " and others" : ""}: ` +
      "expected the pre-training of a variant that has rounds, as in pretrain/trim",
  );
}
