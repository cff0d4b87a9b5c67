/**
 * What crosses between a leader and its silos: signed tasks and answers, and files, over a place that all of them reach.
 *
 * ```ts
 * import { makeKeyPair, openLeader, openSilo } from "./mod.ts";
 *
 * const [url, run] = [`folder:${Deno.makeTempDirSync()}`, "0".repeat(64)];
 * const [leaderKeys, siloKeys] = [makeKeyPair(), makeKeyPair()];
 * await using leader = await openLeader(url, {
 *   run,
 *   privateKey: leaderKeys.privateKey,
 *   silos: { it: siloKeys.publicKey },
 * });
 * await using silo = await openSilo(url, {
 *   privateKey: siloKeys.privateKey,
 *   leaderKey: leaderKeys.publicKey,
 * });
 * const { signal } = new AbortController();
 * const offered = await leader.offer({ run, round: 1, source: "it", kind: "train" });
 * const task = await silo.take(["it"], signal);
 * await task!.answer({ lossNats: 3.5 });
 * for await (const reply of leader.replies([offered], signal)) console.log(reply);
 * ```
 */
export type {
  Area,
  JsonRecord,
  LeaderExchange,
  ObjectRef,
  Reply,
  SiloExchange,
  TakenTask,
  TaskHead,
  TaskName,
} from "./exchange.ts";
export { RefusedError } from "./exchange.ts";
export type { LeaderOptions } from "./leader.ts";
export type { NamedBytes } from "./named_bytes.ts";
export { type ExchangeNeeds, exchangeNeeds } from "./needs.ts";
export { type NatsAccess, natsAccessOf } from "./nats_access.ts";
export {
  type NatsAccount,
  natsAccounts,
  type NatsParties,
  type NatsUser,
} from "./nats_accounts.ts";
export { openLeader, openPlace, openSilo, type PlaceOptions } from "./open_exchange.ts";
export { type S3Access, s3AccessOf } from "./s3_access.ts";
export { leaderInFolder, siloInFolder } from "./shared_folder.ts";
export { bucketPolicy, type PolicyParties } from "./s3_policy.ts";
export type { SiloOptions } from "./silo.ts";
export { type KeyPair, makeKeyPair, publicKeyOf } from "./signed.ts";
