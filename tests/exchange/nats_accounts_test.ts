/**
 * The accounts in docs/several-machines.md are what `natsAccounts` writes. With DEPT_UPDATE_GOLDEN=1 they are written again.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type NatsAccount, natsAccounts } from "../../exchange/mod.ts";
import { projectRoot } from "../support/paths.ts";

const [begin, end] = ["<!-- accounts: begin -->", "<!-- accounts: end -->"];

Deno.test("natsAccounts() writes the accounts of docs/several-machines.md", () => {
  const file = join(projectRoot, "docs/several-machines.md");
  const text = Deno.readTextFileSync(file);
  const accounts = natsAccounts({
    prefix: "run1",
    leader: { user: "leader", password: "$2a$11$…" },
    silos: { it: { user: "it", password: "$2a$11$…" } },
  });
  const shown = `accounts: {\n${Object.entries(accounts).map(shownAccount).join(",\n")}\n}`;
  assert.deepEqual(JSON.parse(shown.slice("accounts: ".length)), accounts);
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  const made = `${text.slice(0, from)}\n\n\`\`\`\n${shown}\n\`\`\`\n\n${text.slice(to)}`;
  if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(file, made);
  else assert.equal(text, made);
});

Deno.test("natsAccounts() gives a user of several sources one account", () => {
  const both = { user: "both", password: "x" };
  const accounts = natsAccounts({
    prefix: "run1",
    leader: { user: "leader", password: "y" },
    silos: { it: both, fr: both },
  });
  assert.deepEqual(Object.keys(accounts), ["run1-exchange", "run1-both"]);
  const { allow } = accounts["run1-both"].users[0].permissions.publish;
  for (const source of ["it", "fr"]) assert.ok(allow.includes(`run1.*.up.${source}.>`));
});

/** A line for each user, export and import. */
function shownAccount([name, { jetstream, users, exports, imports }]: [string, NatsAccount]) {
  const listed = Object.entries({ users, exports, imports }).filter(([, list]) => list).map(
    ([key, list]) =>
      `    ${JSON.stringify(key)}: [\n${
        list!.map((one) => `      ${JSON.stringify(one)}`).join(",\n")
      }\n    ]`,
  );
  const lines = [...jetstream ? [`    "jetstream": ${JSON.stringify(jetstream)}`] : [], ...listed];
  return `  ${JSON.stringify(name)}: {\n${lines.join(",\n")}\n  }`;
}
