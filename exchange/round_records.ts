/**
 * Records of rounds. A round is closed by the first record that is said of it, before anything is summed: a leader that starts again, or a
 * second one, reads what stands.
 */
import type { JsonRecord } from "./exchange.ts";
import { mostStatementBytes, recordName } from "./layout.ts";
import { createOnce, type NamedBytes } from "./named_bytes.ts";
import { publicKeyOf, readSigned, signed } from "./signed.ts";

/** Closes a round. Returns the record that stands. @throws RefusedError if one of another leader stands */
export async function closeRound(
  place: NamedBytes,
  run: string,
  round: number,
  record: JsonRecord,
  privateKey: string,
): Promise<JsonRecord> {
  const said = signed("round", { run, round }, record, privateKey);
  const standing = await createOnce(place, recordName(run, round), said, mostStatementBytes);
  return readSigned(standing, "round", { run, round }, publicKeyOf(privateKey));
}

/** The record of a round; undefined for one that is open. @throws RefusedError if the leader did not sign it */
export async function closedRound(
  place: NamedBytes,
  run: string,
  round: number,
  leaderKey: string,
): Promise<JsonRecord | undefined> {
  const bytes = await place.read(recordName(run, round), mostStatementBytes);
  return bytes && readSigned(bytes, "round", { run, round }, leaderKey);
}
