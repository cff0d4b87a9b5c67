/**
 * Results that go to a bucket of S3 and come back, over Ceph's radosgw.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { S3Access } from "../../exchange/mod.ts";
import { S3Bytes } from "../../exchange/s3.ts";
import { finalBytes } from "../instruments/crash.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { Radosgw, whyNoRadosgw } from "../support/radosgw.ts";
import { s3Keys } from "../support/s3_exchange.ts";
import { finishedStore, toyCommand } from "../support/toy_cli.ts";

const whyNot = whyNoRadosgw();
const skipped = whyNot === undefined ? "" : `: skipped: ${whyNot}`;

async function toy(access: S3Access | undefined, store: string, ...args: string[]) {
  const env: Record<string, string> = access === undefined
    ? {}
    : { AWS_ENDPOINT_URL: access.endpoint, ...s3Keys(access) };
  const { code, stdout, stderr } = await toyCommand(store, args, env).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test({
  name: `push and pull by S3: every byte comes, once, and damage is named${skipped}`,
  ignore: skipped !== "",
}, async () => {
  using folder = temporaryFolder();
  await using server = await Radosgw.start();
  await server.bucket("results");
  const { leader } = server;
  const [full, other] = ["full", "other"].map((name) => join(folder.path, name));
  await finishedStore(full);
  const to = "s3://results/toy";
  const none = await toy(leader, other, "pull", to);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /Cannot use "s3:.*": expected results of store format .*, found none/);

  const part = await toy(leader, full, "push", to, "walk/a/*");
  assert.match(part.stdout, /^Pushed 3 results to s3:\/\/results\/toy, .* \(0 were there/);
  const rest = await toy(leader, full, "push", to);
  assert.match(rest.stdout, /^Pushed 4 results to .* \(3 were there already\)/, rest.stderr);
  const pulled = await toy(leader, other, "pull", `${to}/`);
  assert.match(pulled.stdout, /^Pulled 7 results from .*: \d objects, .* \(0 were there/);
  assert.deepEqual(finalBytes(other), finalBytes(full));
  const again = await toy(leader, other, "pull", to);
  assert.match(again.stdout, /Pulled 0 .* 0 objects, 0 B \(7 were there already\)/);

  await using place = new S3Bytes(to, leader);
  const [{ name, bytes = 0 }] = await place.list("chunks");
  await place.replace(`chunks/${name}`, new Uint8Array(bytes));
  const damaged = await toy(leader, join(folder.path, "third"), "pull", to);
  assert.equal(damaged.code, 2);
  assert.match(damaged.stderr, new RegExp(`expected digest ${name.slice(0, 12)}….*is damaged`));
  await place.remove(`chunks/${name}`);
  const missing = await toy(leader, join(folder.path, "third"), "pull", to);
  assert.match(missing.stderr, /chunks\/.*": expected it there, found nothing/);

  const thief = { ...leader, secretAccessKey: "guessed" };
  const forbidden = await toy(thief, full, "push", to);
  assert.equal(forbidden.code, 1);
  assert.match(
    forbidden.stderr,
    /^error: Cannot write s3:.*found status 403 SignatureDoesNotMatch\n$/,
  );
  const nobody = await toy(undefined, full, "push", to);
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /expected variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
});
