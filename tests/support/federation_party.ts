/**
 * A party of a federation as a process: reads a `PartyTold` from its argument. A silo says `ready`, works until its input ends, and prints
 * what passed; a leader prints what passed, and what it made.
 */
import { sha256 } from "../../base/mod.ts";
import type { S3Access } from "../../exchange/mod.ts";
import { S3Bytes } from "../../exchange/s3.ts";
import { tensorsOf } from "../../training/mod.ts";
import { CountedBytes, type Traffic } from "./counted_bytes.ts";
import { type Federation, leadFederation, type Led, type RoundTimes } from "./federation.ts";
import { workAsSilo } from "./federation_silo.ts";

export interface PartyTold {
  readonly url: string;
  readonly access: S3Access;
  readonly federation: Federation;
  /** Absent for the leader. */
  readonly silo?: { readonly at: number; readonly stepMs: number };
}

export interface LeaderSays {
  readonly traffic: Traffic;
  readonly rounds: readonly RoundTimes[];
  /** When all was done. */
  readonly endMs: number;
  readonly model: string;
}

/** A digest of the model that a federation ends with. */
export function modelDigest({ result: { last } }: Led): string {
  const tensors = Object.entries(tensorsOf(last.groups.model)).sort();
  return sha256(
    JSON.stringify(tensors.map(([name, { data }]) => [name, sha256(new Uint8Array(data.buffer))])),
  );
}

async function lead({ federation }: PartyTold, place: CountedBytes): Promise<LeaderSays> {
  const led = await leadFederation(federation, place);
  const endMs = performance.now();
  return { traffic: place.traffic, rounds: led.rounds, endMs, model: modelDigest(led) };
}

async function work(
  { federation, silo }: Required<PartyTold>,
  place: CountedBytes,
): Promise<Traffic> {
  const end = new AbortController();
  const working = workAsSilo({ federation, training: "reference", ...silo }, place, {
    signal: end.signal,
    onReady: () => console.log("ready"),
  });
  for await (const _ of Deno.stdin.readable); // until it ends
  end.abort();
  await working;
  return place.traffic;
}

if (import.meta.main) {
  const told: PartyTold = JSON.parse(Deno.args[0]);
  await using place = new CountedBytes(new S3Bytes(told.url, told.access));
  const { silo } = told;
  console.log(JSON.stringify(await (silo ? work({ ...told, silo }, place) : lead(told, place))));
}
