/**
 * What a silo may do at a server that enforces rights, and what another may not.
 */
import assert from "node:assert/strict";
import { makeKeyPair } from "../../exchange/mod.ts";
import { Leader } from "../../exchange/leader.ts";
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { Silo } from "../../exchange/silo.ts";

/** An exchange of leader, `it` and `fr`, each with rights of its own. */
interface PlaceOfParties {
  open(party: "leader" | "it" | "fr"): NamedBytes;
}

/** The error of who may not. */
interface Forbidden {
  readonly name: string;
  readonly message: RegExp;
}

const run = "b".repeat(64);
const one = new Uint8Array([1]);

/** A silo reads and writes what is its own, and nothing else. */
export async function checkOwnOnly(place: PlaceOfParties, forbidden: Forbidden): Promise<void> {
  const leader = place.open("leader");
  const names = ["shared/x", "down/it/tasks/x", `down/it/${run}/x`];
  for (const name of names) await leader.replace(name, one);
  await leader.replace("down/fr/tasks/x", one);
  const it = place.open("it");
  for (const name of names) assert.deepEqual(await it.read(name, 1), one);
  await it.replace("up/it/x", one);
  await it.create("up/it/y", one);
  assert.deepEqual(await leader.read("up/it/x", 1), one); // whoever owns it there
  assert.equal((await it.list("up/it")).length, 2);
  const fr = place.open("fr");
  for (const name of ["down/it/tasks/x", "up/it/x", "up/it/absent"]) {
    await assert.rejects(fr.read(name, 1), forbidden, name); // never taken for «absent»
    await assert.rejects(fr.find(name), forbidden, name);
  }
  for (const name of ["up/it/x", "up/it/z", "shared/x", "down/fr/tasks/x", "down/it/tasks/y"]) {
    await assert.rejects(fr.replace(name, one), forbidden, name);
    await assert.rejects(fr.create(name, one), forbidden, name);
    await assert.rejects(fr.remove(name), forbidden, name);
  }
  await assert.rejects(it.remove("up/it/x"), forbidden); // what was said stays said
  for (const folder of ["up", "down", "down/it", "up/it", ""]) {
    await assert.rejects(fr.list(folder), forbidden, folder);
  }
  assert.equal(await fr.read("shared/absent", 1), undefined);
  assert.deepEqual(await leader.read("up/it/x", 1), one);
}

/** Who has the keys of a silo's signatures, and not its rights, takes none of its tasks. */
export async function checkThief(place: PlaceOfParties, forbidden: Forbidden): Promise<void> {
  const keys = { leader: makeKeyPair(), it: makeKeyPair() };
  const leader = new Leader(place.open("leader"), {
    run,
    privateKey: keys.leader.privateKey,
    silos: { it: keys.it.publicKey },
  });
  await leader.offer({ run, round: 1, source: "it" });
  await using thief = new Silo(place.open("fr"), {
    privateKey: keys.it.privateKey,
    leaderKey: keys.leader.publicKey,
  });
  await assert.rejects(thief.take(["it"], new AbortController().signal), forbidden);
}
