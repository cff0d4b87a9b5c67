/**
 * Runs whose instances are left to Kubernetes. There is none here: a test does what a manifest says, with the container's command and
 * environment, and nothing else of this process. What Kubernetes itself does with a manifest is not tried.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { Job } from "kubernetes-models/batch/v1";
import { readLeases } from "../../pipeline/executors/leases.ts";
import { inTemporaryFolder, namesIn, objectsIn, toy } from "../support/toy_cli.ts";

/** Where Deno keeps packages here. */
const { denoDir } = JSON.parse(
  new TextDecoder().decode(
    new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync().stdout,
  ),
);

/** A folder for jobs, as `--executor` names it. */
function executorOf(folder: string): string {
  const scratch = join(folder, "scratch");
  const volumes = `volume=data:${folder},volume=packages:${denoDir},deno-dir=${denoDir}`;
  const image = `deno=${Deno.execPath()},scratch=${scratch}`; // what the image and the pod would have
  return `kubernetes:${join(folder, "jobs")},${volumes},${image}`;
}

function manifestsIn(folder: string): string[] {
  return namesIn(join(folder, "jobs")).sort().map((name) => join(folder, "jobs", name));
}

/** Does what a manifest says. Returns the exit code of its container. */
async function apply(path: string): Promise<number> {
  const manifest = parse(Deno.readTextFileSync(path));
  new Job(manifest).validate();
  const [{ command: [program, ...args], env }] = manifest.spec.template.spec.containers;
  const { code } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    env: {
      PATH: "/usr/bin:/bin",
      ...Object.fromEntries(
        env.map(({ name, value }: { name: string; value: string }) => [name, value]),
      ),
    },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return code;
}

Deno.test("run --executor kubernetes:DIR writes manifests, says that nothing was run, and takes up what they have made: the bytes of a local run", async () => {
  await inTemporaryFolder(async (folder) => {
    const [store, here] = [join(folder, "store"), join(folder, "here")];
    const run = () => toy(store, "run", "--executor", executorOf(folder));
    const done = new Set<string>();
    let last = await run();
    for (; last.code === 3; last = await run()) {
      assert.match(last.stdout, /^Nothing was run: the manifests are in .*jobs\. Next:$/m);
      assert.match(last.stdout, /kubectl apply -f /);
      const manifests = manifestsIn(folder).filter((path) => !done.has(path));
      assert.ok(manifests.length > 0, last.stdout);
      assert.equal(readLeases(store).length, manifestsIn(folder).length);
      for (const path of manifests) {
        assert.equal(await apply(path), 0);
        done.add(path);
      }
    }
    assert.equal(last.code, 0, last.stdout + last.stderr);
    assert.equal((await toy(here, "run")).code, 0);
    assert.deepEqual(objectsIn(store), objectsIn(here));
    assert.deepEqual([...manifestsIn(folder), ...readLeases(store)], []);
  });
});

Deno.test("a manifest that the user removes is a job that is lost: another attempt goes on from the checkpoint", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const args = ["run", "walk/a/left", "--executor", executorOf(folder)];
    let ran = await toy(store, ...args);
    const first = () => manifestsIn(folder)[0];
    for (; readLeases(store)[0].instance !== "walk/a/left"; ran = await toy(store, ...args)) {
      await apply(first());
    }
    const path = first();
    const text = Deno.readTextFileSync(path);
    const again = await toy(store, ...args);
    assert.equal(again.code, 3, again.stderr);
    assert.deepEqual(manifestsIn(folder), [path]);
    assert.equal(Deno.readTextFileSync(path), text, "what was written stands");
    assert.match(again.stdout, /^left +walk\/a\/left +to kubectl apply -f /m);

    Deno.removeSync(path);
    assert.equal((await toy(store, ...args)).code, 3);
    const [second] = manifestsIn(folder);
    assert.notEqual(second, path);
    await apply(second);
    ran = await toy(store, ...args);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  });
});

Deno.test("run --executor kubernetes: refuses a store that is on none of the volumes", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const { code, stderr } = await toy(
      store,
      "run",
      "--executor",
      "kubernetes:jobs,volume=a:/data",
    );
    assert.deepEqual([code, /expected the store on one of the volumes \(\/data\)/.test(stderr)], [
      2,
      true,
    ], stderr);
  });
});
