/**
 * The policy in docs/several-machines.md is what `bucketPolicy` writes. With DEPT_UPDATE_GOLDEN=1 it is written again.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { bucketPolicy } from "../../exchange/mod.ts";
import { projectRoot } from "../support/paths.ts";

const [begin, end] = ["<!-- policy: begin -->", "<!-- policy: end -->"];

Deno.test("bucketPolicy() writes the policy of docs/several-machines.md", () => {
  const file = join(projectRoot, "docs/several-machines.md");
  const text = Deno.readTextFileSync(file);
  const policy = bucketPolicy({
    url: "s3://bucket/prefix",
    leader: "arn:aws:iam:::user/leader",
    silos: { it: "arn:aws:iam:::user/it", fr: "arn:aws:iam:::user/fr" },
  });
  const statements = policy.Statement.map((statement) => `    ${JSON.stringify(statement)}`);
  const shown = `{\n  "Version": "${policy.Version}",\n  "Statement": [\n${
    statements.join(",\n")
  }\n  ]\n}`;
  assert.deepEqual(JSON.parse(shown), policy);
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  const made = `${text.slice(0, from)}\n\n\`\`\`json\n${shown}\n\`\`\`\n\n${text.slice(to)}`;
  if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(file, made);
  else assert.equal(text, made);
});
