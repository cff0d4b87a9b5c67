/**
 * What is said under a signature: canonical JSON with its Ed25519 signature.
 *
 * What is signed says its kind, and the task or round that it is about, so that nothing can be shown later as said of another. Ed25519
 * draws no random numbers: the same words have the same bytes.
 *
 * Source: RFC 8032.
 */
import { Buffer } from "node:buffer";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { canonicalJson, type Json } from "../base/mod.ts";
import { type JsonRecord, RefusedError } from "./exchange.ts";

export type StatementKind = "task" | "answer" | "declined" | "round";

/** A pair of keys as texts: DER in base64, PKCS #8 and SPKI. */
export interface KeyPair {
  /** A secret. */
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Draws a pair of keys. */
export function makeKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  };
}

/** The public key of a private one. @throws if the text is no key */
export function publicKeyOf(privateKey: string): string {
  const key = createPublicKey(privateKeyFrom(privateKey));
  return key.export({ type: "spki", format: "der" }).toString("base64");
}

/** A signed statement, as bytes of JSON. @param about The task or the round that it is about. */
export function signed(
  kind: StatementKind,
  about: Json,
  value: JsonRecord,
  privateKey: string,
): Uint8Array<ArrayBuffer> {
  const text = canonicalJson({ kind, about, value });
  const signature = sign(null, Buffer.from(text), privateKeyFrom(privateKey)).toString("base64");
  return new TextEncoder().encode(canonicalJson({ text, signature }));
}

/** What a signed statement says. @throws RefusedError if the owner of the key did not sign it, as this kind and about this */
export function readSigned(
  bytes: Uint8Array,
  kind: StatementKind,
  about: Json,
  publicKey: string,
): JsonRecord {
  const refuse = (found: string) =>
    new RefusedError(
      `Cannot accept ${kind} of ${canonicalJson(about)}: expected it signed, found ${found}`,
    );
  const envelope = recordFrom(Buffer.from(bytes).toString());
  if (typeof envelope?.text !== "string" || typeof envelope.signature !== "string") {
    throw refuse("something else");
  }
  const { text, signature } = envelope;
  const key = createPublicKey({
    key: Buffer.from(publicKey, "base64"),
    type: "spki",
    format: "der",
  });
  if (!verify(null, Buffer.from(text), key, Buffer.from(signature, "base64"))) {
    throw refuse("the signature of another, or other words");
  }
  const said = recordFrom(text);
  const isOfThis = said?.kind === kind && canonicalJson(said.about) === canonicalJson(about);
  if (!isOfThis) throw refuse(`${said?.kind} of ${canonicalJson(said?.about ?? null)}`);
  if (!isRecord(said.value)) throw refuse("no record");
  return said.value;
}

function privateKeyFrom(text: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(text, "base64"), type: "pkcs8", format: "der" });
}

/** The record that a text is in JSON; undefined if it is none. */
export function recordFrom(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
