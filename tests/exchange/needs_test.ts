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

const wrong = [
  ["folder:shared", /expected a path from the root/],
  ["ftp://a/b", /Cannot use exchange "ftp:\/\/a\/b": expected folder:/],
  ["/shared", /expected folder:/],
  ["toString:/a", /expected folder:/],
  ["s3:bucket", /expected s3:\/\/, a bucket/],
  ["s3://A/b", /expected s3:\/\/, a bucket/],
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
