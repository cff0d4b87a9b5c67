/**
 * Where a store that speaks S3 is, and who one is there.
 */
import { UsageError } from "../base/mod.ts";

export interface S3Access {
  /** `https://s3.example.org`. Buckets are paths of it. */
  readonly endpoint: string;
  /** Default: `us-east-1`. */
  readonly region?: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Certificates in PEM that are trusted besides the usual ones. */
  readonly certificates?: string;
}

/** All that `s3AccessOf` reads. */
export const s3Variables: readonly string[] = [
  "AWS_ENDPOINT_URL_S3",
  "AWS_ENDPOINT_URL",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CA_BUNDLE",
];

/**
 * What the variables say that other programs for S3 read too: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, `AWS_REGION`,
 * `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, and `AWS_CA_BUNDLE`, a file of certificates.
 *
 * @throws UsageError if there are no keys
 */
export function s3AccessOf(environment: Pick<Deno.Env, "get">): S3Access {
  const of = (name: string) => environment.get(name) || undefined;
  const [accessKeyId, secretAccessKey] = [of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY")];
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new UsageError(
      "Cannot reach S3: expected variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
        "and AWS_ENDPOINT_URL where it is not Amazon's",
    );
  }
  const region = of("AWS_REGION") ?? of("AWS_DEFAULT_REGION") ?? "us-east-1";
  const bundle = of("AWS_CA_BUNDLE");
  return {
    endpoint: of("AWS_ENDPOINT_URL_S3") ?? of("AWS_ENDPOINT_URL") ??
      `https://s3.${region}.amazonaws.com`,
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: of("AWS_SESSION_TOKEN"),
    certificates: bundle === undefined ? undefined : Deno.readTextFileSync(bundle),
  };
}
