/**
 * The rights of each party in a bucket, as the policy that its owner puts on it. The server enforces them.
 */

export interface PolicyParties {
  /** `s3://bucket/prefix` */
  readonly url: string;
  /** The leader's principal: `arn:aws:iam:::user/leader` on radosgw, `arn:aws:iam::<account>:user/leader` on AWS. */
  readonly leader: string;
  /** The principal of who holds each source. */
  readonly silos: Readonly<Record<string, string>>;
}

/**
 * A policy: the leader may do everything below the prefix; a silo reads what is for all, and what is for or of its sources, and writes
 * under its sources. It can neither see other silos' answers nor remove anything.
 */
export function bucketPolicy({ url, leader, silos }: PolicyParties) {
  const [, bucket, path] = /^s3:\/\/([^/]+)(?:\/(.*?)\/*)?$/s.exec(url) ?? [];
  if (bucket === undefined) {
    throw new TypeError(`Cannot write a policy for "${url}": expected s3://`);
  }
  const prefix = path ? `${path}/` : "";
  const keys = (...folders: string[]) =>
    folders.map((folder) => `arn:aws:s3:::${bucket}/${prefix}${folder}*`);
  const allow = (principal: string, actions: readonly string[], resources: readonly string[]) => ({
    Effect: "Allow",
    Principal: { AWS: [principal] },
    Action: actions,
    Resource: resources,
  });
  const lists = (principal: string, folders: readonly string[]) => ({
    ...allow(principal, ["s3:ListBucket"], [`arn:aws:s3:::${bucket}`]),
    Condition: { StringLike: { "s3:prefix": folders.map((folder) => `${prefix}${folder}*`) } },
  });
  return {
    Version: "2012-10-17",
    Statement: [
      // What a silo has put is the silo's: the bucket's owner needs the right to read it too.
      allow(leader, ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], keys("")),
      lists(leader, [""]),
      ...Object.entries(silos).flatMap(([source, principal]) => {
        const [own, forIt] = [`up/${source}/`, `down/${source}/`];
        return [
          allow(principal, ["s3:GetObject"], keys("shared/", forIt, own)),
          allow(principal, ["s3:PutObject"], keys(own)),
          lists(principal, ["shared/", forIt, own]),
        ];
      }),
    ],
  };
}
