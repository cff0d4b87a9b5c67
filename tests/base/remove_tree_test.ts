/**
 * Removal of a folder that another process fills.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

/** Makes folders with files in a folder until it is gone. */
const filling = `
  for (let i = 0;; i++) {
    try {
      Deno.mkdirSync(\`\${Deno.args[0]}/\${i}\`);
      for (let k = 0; k < 20; k++) Deno.writeTextFileSync(\`\${Deno.args[0]}/\${i}/\${k}\`, "");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      try { Deno.statSync(Deno.args[0]); } catch { break; }
    }
  }`;

Deno.test("removeTree() removes a folder that others fill, one that others remove, and none", async () => {
  using folder = temporaryFolder();
  const script = join(folder.path, "filling.js");
  Deno.writeTextFileSync(script, filling);
  for (let round = 0; round < 3; round++) {
    const path = join(folder.path, `full-${round}`);
    Deno.mkdirSync(path);
    const process = new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, path] })
      .spawn();
    while (!existsSync(join(path, "50"))) await new Promise((resolve) => setTimeout(resolve, 5));
    removeTree(path);
    assert.equal((await process.status).code, 0);
    assert.equal(existsSync(path), false);
  }
  removeTree(join(folder.path, "none"));
});

Deno.test("removeTree() says what it cannot remove", () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "file");
  Deno.writeTextFileSync(file, "");
  assert.throws(() => removeTree(join(file, "in it")), /os error 20/);
});
