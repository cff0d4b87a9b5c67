import assert from "node:assert/strict";
import { join } from "node:path";
import { fillNewFolder } from "../../commands/exports/new_folder.ts";
import { UsageError } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { fromFileUrl } from "../support/paths.ts";
import { namesIn } from "../support/toy_cli.ts";

const write = (folder: string) => {
  Deno.writeTextFileSync(join(folder, "a"), "a");
  return Promise.resolve();
};

Deno.test("fillNewFolder() makes a folder with those above it, and fills an empty one that is there", async () => {
  using folder = temporaryFolder();
  await fillNewFolder(join(folder.path, "x/y"), write);
  assert.deepEqual(namesIn(join(folder.path, "x")), ["y"]);
  assert.deepEqual(namesIn(join(folder.path, "x/y")), ["a"]);
  Deno.mkdirSync(join(folder.path, "z"));
  await fillNewFolder(join(folder.path, "z"), write);
  assert.deepEqual(namesIn(join(folder.path, "z")), ["a"]);
});

Deno.test("fillNewFolder() leaves nothing after an error, and what another program wrote meanwhile as it is", async () => {
  using folder = temporaryFolder();
  const place = join(folder.path, "x");
  const fails = async (made: string) => {
    await write(made);
    throw new RangeError("no");
  };
  await assert.rejects(fillNewFolder(place, fails), /^RangeError: no$/);
  assert.deepEqual(namesIn(folder.path), []);
  const late = async (made: string) => {
    await write(made);
    Deno.mkdirSync(place);
    Deno.writeTextFileSync(join(place, "thesis"), "b");
  };
  await assert.rejects(fillNewFolder(place, late), (error: Error) => {
    assert.match(
      error.message,
      /expected a new or empty folder, found "thesis" in it; nothing was/,
    );
    return error instanceof UsageError;
  });
  assert.deepEqual(namesIn(folder.path), ["x"]);
  assert.equal(Deno.readTextFileSync(join(place, "thesis")), "b");
});

Deno.test("fillNewFolder() leaves nothing after a signal, and ends with the signal's code", async () => {
  using folder = temporaryFolder();
  const module = new URL("../../commands/exports/new_folder.ts", import.meta.url).href;
  const program = `import { fillNewFolder } from ${JSON.stringify(module)};
    await fillNewFolder(${JSON.stringify(join(folder.path, "x"))}, async (made) => {
      Deno.writeTextFileSync(made + "/a", "a");
      console.log("written");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const file = join(folder.path, "program.ts");
  Deno.writeTextFileSync(file, program);
  const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", "--config", config, file],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  assert.equal(namesIn(folder.path).length, 2);
  child.kill("SIGINT");
  assert.equal((await child.status).code, 130);
  await reader.cancel();
  assert.deepEqual(namesIn(folder.path), ["program.ts"]);
});
