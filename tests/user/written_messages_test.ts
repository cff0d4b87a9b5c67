/**
 * The messages that docs/troubleshooting.md explains are the program's.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { projectRoot } from "../support/paths.ts";

const rooms = ["base", "pipeline", "datasets", "tokenizers", "training", "engine", "stages"];

/** All texts of the code, each literal beside the next one that it is joined with. */
function texts(): string {
  const filesIn = (folder: string): string[] =>
    [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
      isDirectory ? filesIn(join(folder, name)) : name.endsWith(".ts") ? [join(folder, name)] : []
    );
  return [...rooms, "commands"].flatMap((room) => filesIn(join(projectRoot, room)))
    .map((file) => Deno.readTextFileSync(file)).join("\n")
    .replaceAll(/[`"']\s*\+\s*[`"']/g, "");
}

Deno.test("each message in docs/troubleshooting.md is one of the program", () => {
  const document = Deno.readTextFileSync(join(projectRoot, "docs/troubleshooting.md"));
  const [own] = document.split("\n## Getting it to start\n"); // the rest is said by others
  const messages = [...own.matchAll(/^\| `([^`]+)` \|/gm)].map(([, message]) => message);
  assert.ok(messages.length > 40, `${messages.length} messages`);
  const program = texts();
  const missing = messages.flatMap((message) =>
    message.split(/…|"/).map((part) => part.replace(/^\W+/, "")).filter((part) => part.length > 7)
      .filter((part) => !program.includes(part.trimEnd()))
      .map((part) => `${part} (of: ${message})`)
  );
  assert.equal(missing.join("\n"), "");
});
