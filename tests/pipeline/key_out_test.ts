/**
 * What stays out of keys and bytes, each tried on a run: see the list in `pipeline/key.ts`. The clock moves by itself
 * between any two of these runs.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { inTemporaryFolder, namesIn, objectsIn, toyArguments } from "../support/toy_cli.ts";
import { projectRoot } from "../support/paths.ts";

interface Circumstances {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly under?: readonly string[];
}

const kept: Readonly<Record<string, Circumstances>> = {
  "the number of jobs": { args: ["--jobs", "3"] },
  "verbose logs": { args: ["--verbose"] },
  "no logs": { args: ["--quiet"] },
  "progress as events": { args: ["--json"] },
  "the working directory": { cwd: "/" },
  "the time zone": { env: { TZ: "Pacific/Chatham" } },
  "the locale": { env: { LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", LANGUAGE: "tr" } },
  "colours of a terminal": { env: { FORCE_COLOR: "1", TERM: "xterm-256color" } },
  "pauses and how often checkpoints are written (hints)": { args: ["--set", "delayMs=3"] },
};

/** Manifest names and object digests of a run. */
async function made(store: string, { args = [], env = {}, cwd, under = [] }: Circumstances) {
  const command = [
    ...under,
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    "--config",
    join(projectRoot, "deno.json"),
    join(projectRoot, "tests/support/toy_stages/main.ts"),
    ...toyArguments(store, ["run", "walk/a", ...args]),
  ];
  const { code, stderr } = await new Deno.Command(command[0], {
    args: command.slice(1),
    env,
    cwd: cwd ?? projectRoot,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return { keys: namesIn(join(store, "manifests")), objects: objectsIn(store) };
}

Deno.test("keys and bytes do not depend on …", async (t) => {
  await inTemporaryFolder(async (folder) => {
    const plain = await made(join(folder, "plain"), {});
    assert.equal(plain.keys.length, 3);
    for (const [what, circumstances] of Object.entries(kept)) {
      await t.step(what, async () => {
        const store = join(folder, what, "in a folder of its own"); // the store's path is out too
        assert.deepEqual(await made(store, circumstances), plain);
      });
    }
    await t.step({
      name: "the device's name",
      ignore: !await canRename(),
      fn: async () => {
        const under = ["unshare", "--uts", "sh", "-c", 'hostname other-device && exec "$@"', "sh"];
        assert.deepEqual(await made(join(folder, "host"), { under }), plain);
      },
    });
  });
});

/** Only with privileges can a process have another host name. */
async function canRename(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("unshare", { args: ["--uts", "hostname", "x"] })
      .output();
    return success;
  } catch {
    return false;
  }
}
