/**
 * What a process needs to reach an exchange.
 */
import assert from "node:assert/strict";
import { UsageError } from "../../base/mod.ts";
import { exchangeNeeds } from "../../exchange/mod.ts";

const nothing = new Map<string, string>();
const keys = new Map([["AWS_ACCESS_KEY_ID", "it"], ["AWS_SECRET_ACCESS_KEY", "secret"]]);

Deno.test("exchangeNeeds() names what a process touches, and what of its environment says who one is", () => {
  assert.deepEqual(exchangeNeeds("folder:/shared", nothing), {
    folders: ["/shared"],
    files: [],
    environment: [],
  });
  using _ = { [Symbol.dispose]: () => Deno.removeSync(bundle) };
  const bundle = Deno.makeTempFileSync();
  const { module, ...needs } = exchangeNeeds(
    "s3://bucket/prefix",
    new Map([...keys, ["AWS_CA_BUNDLE", bundle]]),
  );
  assert.match(module!, /\/exchange\/open_exchange\.ts$/);
  assert.deepEqual({ ...needs, environment: needs.environment.slice(-1) }, {
    folders: [],
    files: [bundle],
    environment: ["AWS_CA_BUNDLE"],
  });
});

Deno.test("exchangeNeeds() names the variables and files of NATS", () => {
  const environment = new Map([["NATS_CREDS", "/dev/null"], ["NATS_CA", "/dev/null"]]);
  for (const url of ["tls://host:4222/prefix", "nats://host/prefix"]) {
    const { module, ...needs } = exchangeNeeds(url, environment);
    assert.match(module!, /\/exchange\/open_exchange\.ts$/);
    assert.deepEqual(needs, {
      folders: [],
      files: ["/dev/null", "/dev/null"],
      environment: ["NATS_USER", "NATS_PASSWORD", "NATS_CREDS", "NATS_CA"],
    });
  }
});

const wrong = [
  ["folder:shared", /expected a path from the root/],
  ["ftp://a/b", /Cannot use exchange "ftp:\/\/a\/b": expected folder:/],
  ["/shared", /expected folder:/],
  ["toString:/a", /expected folder:/],
  ["s3:bucket", /expected s3:\/\/, a bucket/],
  ["s3://A/b", /expected s3:\/\/, a bucket/],
  ["tls://host:4222", /expected tls:\/\/ or nats:\/\/, host:port, \/ and a prefix/],
  ["nats://host/A/b", /expected tls:\/\/ or nats:\/\//],
  ["tls://it:secret@host/prefix", /whose URL has credentials/],
  ["s3://it:secret@bucket/prefix", /whose URL has credentials, as others see it/],
] as const;

Deno.test("exchangeNeeds() refuses what names no exchange, and does not print credentials", () => {
  for (const [url, message] of wrong) {
    assert.throws(() => exchangeNeeds(url, keys), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  assert.throws(() => exchangeNeeds("s3://bucket/prefix", nothing), /expected variables AWS_ACC/);
});
