/**
 * Instances of one program in one process, one after the other: what one leaves to the next, and what ends with whom.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { isGiven } from "../../pipeline/executors/permission_broker.ts";
import {
  forgetPeakMemory,
  heldMemoryBytes,
  peakMemoryBytes,
} from "../../pipeline/executors/process_memory.ts";
import { ProgramProcess } from "../../pipeline/executors/program_process.ts";
import { SharedProcesses } from "../../pipeline/executors/shared_processes.ts";
import type { RunEvent } from "../../pipeline/events.ts";
import type { ChildRequest } from "../../pipeline/protocol.ts";
import {
  eventsOf,
  inTemporaryFolder,
  objectsIn,
  toy,
  toyCommand,
  until,
} from "../support/toy_cli.ts";

const walks = ["walk/a/left", "walk/b/left", "walk/c/left"];
const inTurn = [...walks, "--set", "sources=[a, b, c]", "--jobs", "1", "--json"];

type Started = Extract<RunEvent, { type: "started" }>;

/** The process of each instance. */
function pidsIn(events: readonly RunEvent[]): Map<string, number | undefined> {
  return new Map(
    events.filter((event): event is Started => event.type === "started")
      .map(({ instance, pid }) => [instance, pid]),
  );
}

async function run(store: string, args: readonly string[], env = {}): Promise<readonly RunEvent[]> {
  const { stdout } = await toyCommand(store, ["run", ...args], env).output();
  return eventsOf({ stdout: new TextDecoder().decode(stdout) });
}

Deno.test("run: instances of a program share a process, with the bytes and the log that each has alone", async () => {
  await inTemporaryFolder(async (folder) => {
    const [shared, alone] = [join(folder, "shared"), join(folder, "alone")];
    const pids = pidsIn(await run(shared, inTurn));
    assert.equal(new Set(walks.map((id) => pids.get(id))).size, 1);
    const audit = join(folder, "audit"); // accesses are recorded of processes that run one instance
    Deno.mkdirSync(audit);
    const pidsAlone = pidsIn(await run(alone, inTurn, { DEPT_AUDIT: audit }));
    assert.equal(new Set(pidsAlone.values()).size, 6);
    assert.deepEqual(objectsIn(shared), objectsIn(alone));
    for (const store of [shared, alone]) {
      for (const source of ["a", "b", "c"]) {
        const args = ["log", `words/${source}`, "--set", "sources=[a, b, c]"];
        const { stdout } = await toy(store, ...args);
        const [head, ...lines] = stdout.trim().replace(/"words":\d+/, "").split("\n");
        const printed = ["a library prints to the console", "info: sorted {}", "-- done"];
        assert.match(head, new RegExp(`^-- words/${source}, started `));
        assert.deepEqual(lines.toSorted(), printed.toSorted(), `${store}: words/${source}`);
      }
    }
  });
});

Deno.test("run: where no socket can be made, each instance has a process of its own", async () => {
  await inTemporaryFolder(async (folder) => {
    const long = join(folder, "x".repeat(120));
    Deno.mkdirSync(long);
    const events = await run(join(folder, "store"), inTurn, { TMPDIR: long });
    assert.equal(new Set(pidsIn(events).values()).size, 6);
    assert.ok(!events.some(({ type }) => type === "failed"));
  });
});

Deno.test("run: an instance that ends its process fails alone, and the next one has another process", async () => {
  await inTemporaryFolder(async (store) => {
    const fault = ["--set", "fault={source: b, kind: exit}", "--keep-going"];
    const events = await run(store, [...inTurn, ...fault]);
    const [a, b, c] = walks.map((id) => pidsIn(events).get(id));
    assert.equal(a, b);
    assert.notEqual(b, c);
    const ends = events.flatMap((event) =>
      event.type === "failed"
        ? [`${event.instance} failed: ${event.message}`]
        : event.type === "done" && walks.includes(event.instance)
        ? [event.instance]
        : []
    );
    const message = "walk/b/left failed: Its process ended with code 7";
    assert.deepEqual(ends, ["walk/a/left", message, "walk/c/left"]);
  });
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`run: ${signal} to the runner at a second instance leaves the first, and no process`, async () => {
    await inTemporaryFolder(async (store) => {
      // The second one takes long, if it is not stopped.
      const args = ["walk/a/left", "walk/b/left", "--jobs", "1", "--json"];
      const set = ["--set", "delayMs=200"];
      const process = toyCommand(store, ["run", ...args, ...set]).spawn();
      let stdout = "";
      const read = (async () => {
        for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
          stdout += text;
        }
      })();
      const printed = () => eventsOf({ stdout: stdout.slice(0, stdout.lastIndexOf("\n") + 1) });
      const isAtWork = (event: RunEvent) =>
        event.type === "progress" && event.instance === "walk/b/left";
      await until("the second walk", () => stdout.includes("\n") && printed().some(isAtWork));
      process.kill(signal);
      await Promise.all([process.status, read, process.stderr.cancel()]);
      const [a, b] = walks.map((id) => pidsIn(printed()).get(id)!);
      assert.equal(a, b);
      await until(
        "the end of the process",
        () => !Deno.spawnAndWaitSync("kill", ["-0", `${b}`]).success,
      );
      const stopped = printed().filter((event) => event.type === "stopped");
      assert.deepEqual(
        stopped.map(({ instance }) => instance),
        signal === "SIGTERM" ? ["walk/b/left"] : [],
      );
      const events = await run(store, [...args, ...set]);
      const again = pidsIn(events);
      assert.deepEqual([...again.keys()], ["walk/b/left"]);
      const started = events.find((event) => event.type === "started");
      assert.equal(started?.isResumed, true);
    });
  });
}

Deno.test("SharedProcesses keeps what is alive for its own program, a while", async () => {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const process = () => new ProgramProcess(new Deno.Command("cat", piped)); // ends with its input
  const shared = new SharedProcesses();
  const [one, two, three] = [process(), process(), process()];
  shared.keep("walk", one);
  shared.keep("walk", two);
  shared.keep("words", three);
  assert.equal(shared.take("walk"), one);
  assert.equal(shared.take("table"), undefined);
  shared.makeRoom();
  await until("room", () => !two.isAlive);
  three.signal("SIGKILL");
  await until("a death", () => !three.isAlive);
  assert.equal(shared.take("words"), undefined);
  assert.ok(one.isAlive);
  shared.keep("walk", one);
  await shared.close();
  assert.ok(!one.isAlive);

  const brief = new SharedProcesses({ longestWaitMs: 50 });
  const four = process();
  brief.keep("walk", four);
  await until("the end of waiting", () => !four.isAlive);
  assert.equal(brief.take("walk"), undefined);
});

Deno.test("isGiven() is of paths that are given and of those below, and of nothing else", () => {
  const given = { read: ["/store/a", "/data/x, y.txt"], write: ["/store/a/out"] };
  const cases: readonly (readonly [string, string | null, boolean])[] = [
    ["read", "/store/a", true],
    ["read", "/store/a/b/c", true],
    ["read", "file:///store/a/b%20c", true],
    ["read", "/data/x, y.txt", true],
    ["write", "/store/a/out/walk.txt", true],
    ["read", "/store/ab", false],
    ["read", "/store", false],
    ["read", "/store/a/../b", false],
    ["read", "/store/a//../../b", false],
    ["read", "store/a", false],
    ["read", "", false],
    ["read", null, false],
    ["write", "/store/a/b", false],
    ["write", "<TMP>", false],
    ["env", "TMPDIR", false],
    ["env", null, false],
    ["run", "/store/a/b", false],
    ["ffi", "/store/a/b.so", false],
    ["net", "127.0.0.1:80", false],
    ["import", "esm.sh:443", false],
    ["sys", "hostname", false],
  ];
  for (const [permission, value, expected] of cases) {
    assert.equal(isGiven({ id: 1, permission, value }, given), expected, `${permission} ${value}`);
    assert.equal(isGiven({ id: 1, permission, value }, undefined), false, "between instances");
  }
});

Deno.test({
  name: "peakMemoryBytes() is what a process has held at most since it was forgotten",
  ignore: Deno.build.os !== "linux",
  fn() {
    forgetPeakMemory(Deno.pid);
    const before = peakMemoryBytes(Deno.pid)!;
    const held = new Uint8Array(1e8).fill(1);
    assert.ok(peakMemoryBytes(Deno.pid)! >= before + 0.9 * held.length);
    assert.ok(heldMemoryBytes(Deno.pid)! >= held.length);
    assert.equal(heldMemoryBytes(0), undefined, "there is no such process");
  },
});

Deno.test({
  name:
    "ProgramProcess tells the memory of an instance without that of the process that started it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const protocol = JSON.stringify(import.meta.resolve("../../pipeline/protocol.ts"));
    const child = `import { resourceUsage } from "node:process";
      import { encodeMessage } from ${protocol};
      const peakMemoryBytes = resourceUsage().maxRSS * 1024;
      const message = encodeMessage({ type: "done", summary: {}, outputs: {}, peakMemoryBytes });
      Deno.stdout.writeSync(new TextEncoder().encode(message));
      for await (const _ of Deno.stdin.readable);`;
    const held = new Uint8Array(5e8).fill(1);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["eval", child],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const request = {} as ChildRequest; // it does not read it
    const { said } = await new ProgramProcess(command).run(request, {
      onNews: () => {},
      onPrinted: () => {},
    });
    assert.ok(said?.type === "done", JSON.stringify(said));
    assert.ok(said.peakMemoryBytes < held.length, `${said.peakMemoryBytes}`);
    assert.ok(said.peakMemoryBytes > 2e7, `${said.peakMemoryBytes}`);
  },
});
