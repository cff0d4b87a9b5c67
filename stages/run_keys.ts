/**
 * What the processes of a run know it by in an exchange, and the keys that they sign with: a file beside the checkpoints, which only their user
 * can read, made by whichever process is there first.
 *
 * It goes with the checkpoints. So a run that begins again has another name: it reads no answers whose states are gone.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { canonicalJson, createFileAtomic, sha256 } from "../base/mod.ts";
import { type KeyPair, makeKeyPair } from "../exchange/mod.ts";

export interface RunKeys {
  /** The name of the run in the exchange. */
  readonly run: string;
  readonly leader: KeyPair;
  /** That of all who train: they are of one user. */
  readonly silo: KeyPair;
}

/** The keys of the run whose checkpoints are there. @param checkpointFolder It is named after the action key */
export function runKeysIn(checkpointFolder: string): RunKeys {
  const path = join(checkpointFolder, ".run-keys.json");
  if (!existsSync(path)) make(path, basename(checkpointFolder));
  return JSON.parse(Deno.readTextFileSync(path));
}

function make(path: string, actionKey: string): void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  const [leader, silo] = [makeKeyPair(), makeKeyPair()];
  const run = sha256(canonicalJson([actionKey, leader.publicKey]));
  createFileAtomic(path, JSON.stringify({ run, leader, silo }), { mode: 0o600 });
}
