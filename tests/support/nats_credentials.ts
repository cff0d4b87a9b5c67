/**
 * A server's configuration by which users are let in who have a file of credentials: an operator vouches for an account, and the account for
 * its users, each by a signed token.
 *
 * Source: NATS documentation, "Decentralized JWT Authentication"; the claims are those of version 2 of `nats-io/jwt`.
 */
import { Buffer } from "node:buffer";
import { nkeys } from "@nats-io/transport-node";
import { sha256 } from "../../base/mod.ts";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** The configuration of a server with one account, which has streams, and the text of the file of a user. */
export function madeCredentials(): {
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly credentials: string;
} {
  const [operator, system, account, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ];
  const limits = Object.fromEntries(
    ["subs", "data", "payload", "imports", "exports", "conn", "leaf"].map((name) => [name, -1]),
  );
  const storage = Object.fromEntries(
    ["mem_storage", "disk_storage", "streams", "consumer"].map((name) => [name, -1]),
  );
  const accountToken = (pair: KeyPair, more: object) =>
    token(pair, operator, { type: "account", limits: { ...limits, wildcards: true, ...more } });
  const { subs, data, payload } = limits;
  const userToken = token(user, account, { type: "user", subs, data, payload });
  const seed = new TextDecoder().decode(user.getSeed());
  return {
    configuration: {
      operator: token(operator, operator, { type: "operator" }),
      system_account: system.getPublicKey(),
      resolver: "MEMORY",
      resolver_preload: {
        [system.getPublicKey()]: accountToken(system, {}),
        [account.getPublicKey()]: accountToken(account, storage),
      },
    },
    credentials: `-----BEGIN NATS USER JWT-----
${userToken}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`,
  };
}

function token(of: KeyPair, by: KeyPair, claims: object): string {
  const body = {
    iat: Math.floor(Date.now() / 1000),
    iss: by.getPublicKey(),
    sub: of.getPublicKey(),
    name: "test",
    nats: { ...claims, version: 2 },
  };
  const parts = [{ typ: "JWT", alg: "ed25519-nkey" }, {
    ...body,
    jti: sha256(JSON.stringify(body)),
  }];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(
    ".",
  );
  const signature = by.sign(new TextEncoder().encode(text));
  return `${text}.${Buffer.from(signature).toString("base64url")}`;
}
