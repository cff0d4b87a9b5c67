/**
 * Puts a file into an exchange and gets it, with server and both parties on this machine.
 *
 *     deno task instruments exchange-speed [--over folder,s3,s3-tls,nats] [--megabytes 200] [--times 3]
 *
 * NATS is asked over TLS; S3 as the name says. Prints MB/s, the best of all times: on a machine that does other things too, a lower bound.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sha256OfFile, UsageError } from "../../base/mod.ts";
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { getFile, putFile } from "../../exchange/objects.ts";
import { S3Bytes } from "../../exchange/s3.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { folderKind, NatsKind, S3Kind } from "../support/exchange_places.ts";

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      over: { type: "string", default: "folder,s3,s3-tls,nats" },
      megabytes: { type: "string", default: "200" },
      times: { type: "string", default: "3" },
    },
  });
  const [megabytes, times] = [values.megabytes, values.times].map(Number);
  await using s3 = new S3Kind();
  await using nats = new NatsKind();
  for (const name of values.over.split(",")) {
    const kind = { folder: folderKind, s3, "s3-tls": s3, nats }[name];
    if (kind === undefined) {
      throw new UsageError(`Cannot measure "${name}": expected folder, s3, …`);
    }
    if (kind.whyNot !== undefined) throw new UsageError(`Cannot measure ${name}: ${kind.whyNot}`);
    await using made = await kind.make();
    const place = name === "s3-tls" ? await overTls(s3) : made.open("leader");
    const { put, get } = await bestOf(place, megabytes, times);
    console.log(`${name.padEnd(7)} put ${put.toFixed(0)} MB/s, get ${get.toFixed(0)} MB/s`);
  }
}

async function overTls(s3: S3Kind): Promise<NamedBytes> {
  const { url, access } = await s3.make();
  return new S3Bytes(url, (await s3.server()).overTls(access.get("leader")!));
}

/** The best rates, in MB/s. */
async function bestOf(place: NamedBytes, megabytes: number, times: number) {
  using folder = temporaryFolder();
  const [sent, got] = [join(folder.path, "sent"), join(folder.path, "got")];
  const best = { put: 0, get: 0 };
  for (let i = 0; i < times; i++) {
    Deno.writeFileSync(sent, noise(megabytes * 1e6, i));
    const names = `shared/objects/${i}`;
    const began = performance.now();
    const content = await putFile(place, names, sent);
    const put = performance.now();
    await getFile(place, names, content, got, content.bytes);
    const end = performance.now();
    assert.equal(sha256OfFile(got), sha256OfFile(sent));
    best.put = Math.max(best.put, megabytes * 1000 / (put - began));
    best.get = Math.max(best.get, megabytes * 1000 / (end - put));
    await place.remove(names);
  }
  return best;
}

/** Bytes that no line makes smaller. */
function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  for (let i = 0, x = seed + 1; i < words.length; i++) {
    words[i] = x = Math.imul(x, 1664525) + 1013904223;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}
