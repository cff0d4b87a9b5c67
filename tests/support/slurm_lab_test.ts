import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryFolder } from "./command_line.ts";
import { SlurmLab, whyNoSlurm } from "./slurm_lab.ts";

const whyNot = whyNoSlurm();

function test(name: string, body: () => Promise<void>): void {
  const skipped = whyNot === undefined ? "" : `: skipped: ${whyNot}`;
  Deno.test({ name: `SlurmLab: ${name}${skipped}`, ignore: skipped !== "" }, body);
}

/** What two clusters' tests could leave on this machine. */
function leftovers(folder: string): string[] {
  const [, slot] = /-(\d+)$/.exec(folder)!;
  const named = (place: string, start: string) =>
    [...Deno.readDirSync(place)].map(({ name }) => name).filter((name) => name.startsWith(start));
  return [
    ...named("/sys/class/net", `deptlab${slot}`).filter((name) => isOf(slot, name)),
    ...named("/run/netns", `deptlab${slot}`).filter((name) => isOf(slot, name)),
    ...named("/tmp", "dept-slurm-lab").filter((name) => isOf(slot, name)),
  ];
}

function isOf(slot: string, name: string): boolean {
  return new RegExp(`\\D${slot}(\\D|$)`).test(name);
}

test("jobs run on its nodes; a node killed, a link cut and a controller killed are seen, and come back", async () => {
  await using lab = await SlurmLab.start();
  using folder = temporaryFolder();
  const report = join(folder.path, "report");
  const brief = await lab.submit(`hostname > ${report}`, "--nodelist=n1");
  await lab.until("the job has ended", async () => (await lab.jobState(brief)) === "COMPLETED");
  assert.equal(Deno.readTextFileSync(report), "n1\n");

  const jobs = new Map<string, string>();
  for (const node of lab.nodes) {
    jobs.set(node, await lab.submit("exec sleep 1000", "--no-requeue", `--nodelist=${node}`));
  }
  const isRunning = async (node: string) => (await lab.jobState(jobs.get(node)!)) === "RUNNING";
  for (const node of lab.nodes) await lab.until(`the job of ${node} runs`, () => isRunning(node));

  await lab.untilSaved(jobs.get("n3")!);
  await lab.killController();
  await assert.rejects(lab.ask("squeue"));
  await lab.startController();
  assert.ok(await isRunning("n1"), "expected the controller to know its jobs");

  await lab.killNode("n2");
  lab.cutLink("n3");
  assert.deepEqual(lab.processes("n2"), []);
  assert.ok(lab.processes("n3").length > 1, "expected the job of n3 to run on");
  for (const node of ["n2", "n3"]) {
    await lab.until(`${node} is lost`, async () => !(await isRunning(node)));
    assert.equal(await lab.jobState(jobs.get(node)!), "NODE_FAIL");
    assert.match(await lab.nodeState(node), /\*$/);
  }
  assert.ok(await isRunning("n1"));
  for (const node of ["n2", "n3"]) await lab.bringBack(node);
});

test("two have names of their own, and what one of a killed test has left is removed by the next", async () => {
  const module = JSON.stringify(import.meta.resolve("./slurm_lab.ts"));
  const code = `import { SlurmLab } from ${module};
    const lab = await SlurmLab.start();
    await lab.submit("exec sleep 1000");
    console.log(lab.folder);
    setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped" })
    .spawn();
  let said = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += part;
    if (said.endsWith("\n")) {
      await using own = await SlurmLab.start(); // while the other lives
      assert.notEqual(own.folder, said.trim());
      assert.notDeepEqual(leftovers(said.trim()), []);
      child.kill("SIGKILL");
    }
  }
  await child.status;
  assert.notDeepEqual(leftovers(said.trim()), []);
  const next = await SlurmLab.start();
  const { folder } = next;
  await next[Symbol.asyncDispose]();
  for (const one of [said.trim(), folder]) assert.deepEqual(leftovers(one), []);
});
