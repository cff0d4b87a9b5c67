/**
 * Exchanges over a server of S3, for tests: a bucket where each party has rights of its own, and how a process says who it is.
 */
import { join } from "node:path";
import { bucketPolicy, type S3Access } from "../../exchange/mod.ts";
import type { Radosgw } from "./radosgw.ts";

/**
 * Makes the bucket of an exchange, and a user for each source.
 *
 * @param url `s3://bucket/prefix`
 * @returns access of `leader`, and of each source
 */
export async function makeS3Exchange(
  server: Radosgw,
  url: string,
  sources: readonly string[],
  userOf: (source: string) => string = (source) => source,
): Promise<Map<string, S3Access>> {
  const users = await Promise.all(sources.map((source) => server.user(userOf(source))));
  const policy = bucketPolicy({
    url,
    leader: principalOf(server.leader),
    silos: Object.fromEntries(sources.map((source, at) => [source, principalOf(users[at])])),
  });
  await server.bucket(new URL(url).hostname, policy);
  return new Map([["leader", server.leader], ...sources.map((it, at) => [it, users[at]] as const)]);
}

function principalOf({ accessKeyId }: S3Access): string {
  return `arn:aws:iam:::user/${accessKeyId}`; // a user's key has its name
}

/** The variables that say who a process is. */
export function s3Keys({ accessKeyId, secretAccessKey }: S3Access) {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

/** All variables of a process that asks a server over TLS. @param folder Takes the file of certificates */
export function environmentOverTls(access: S3Access, folder: string) {
  const bundle = join(folder, "ca.pem");
  Deno.writeTextFileSync(bundle, access.certificates!);
  return { AWS_ENDPOINT_URL: access.endpoint, ...s3Keys(access), AWS_CA_BUNDLE: bundle };
}
