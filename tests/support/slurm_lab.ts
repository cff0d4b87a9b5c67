/**
 * A cluster for tests: Slurm with three nodes on this machine, each in a network namespace of its own, without the system's services.
 *
 * Nodes share the file system and see all processes; what separates them is the network and their host names. All names hold the number
 * of a slot, so that two tests have clusters side by side, and what a killed test has left is removed by the next one that starts.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { areInstalled } from "./installed.ts";
import { type Slot, takeSlot } from "./network_slots.ts";
import {
  type LabHost,
  type LabNames,
  labNames,
  slurmConfiguration,
} from "./slurm_configuration.ts";

/** Debian's packages of it. */
const packages = "slurmctld slurmd slurm-client munge iproute2";
const programs = [
  ...["slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo"],
  ...["munged", "ip", "nsenter", "unshare"],
];

const prefix = "dept-slurm-lab";

/** How long a step of the cluster may take on a machine that is busy with other things. */
const patienceMs = 180_000;

/** Why there can be no cluster here; undefined where there can. */
export function whyNoSlurm(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (!areInstalled(programs)) return `needs Debian's ${packages}`;
  if (Deno.uid() !== 0) return "needs the superuser, for network namespaces";
  // In namespaces of its own, which go with the process.
  const trial = "ip link add name a0 type bridge && ip link add name b0 type veth peer name c0";
  const { success, stderr } = run("unshare", "--net", "--uts", "--mount", "sh", "-c", trial);
  return success ? undefined : `needs the right to make network namespaces: ${stderr.trim()}`;
}

/** A cluster that runs until it is disposed of. */
export class SlurmLab implements AsyncDisposable {
  /** Names of its nodes, as Slurm has them. Each has two processors. */
  readonly nodes: readonly string[];
  /** For the environment of Slurm's commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of its files: `log/slurmctld.log`, `log/slurmd-n1.log`. */
  readonly folder: string;
  readonly #slot: Slot;
  readonly #names: LabNames;
  #controller: Deno.ChildProcess | undefined;
  #munged: Deno.ChildProcess | undefined;
  readonly #cut = new Set<string>();
  readonly #daemons = new Map<string, Deno.ChildProcess>();

  private constructor(slot: Slot) {
    this.#slot = slot;
    this.#names = labNames(`/tmp/${prefix}-${slot.number}`, slot.number);
    this.folder = this.#names.folder;
    this.nodes = this.#names.nodes.map(({ name }) => name);
    this.environment = { SLURM_CONF: this.#names.configuration };
  }

  /** Starts a cluster, whose nodes are idle then: some 2 s. */
  static async start(): Promise<SlurmLab> {
    const lab = new SlurmLab(await takeSlot(prefix, clean));
    try {
      await lab.#start();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** What one of Slurm's commands prints. @throws AssertionError if it fails */
  async ask(program: string, ...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      env: this.environment,
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    assert.ok(success, `${program} ${args.join(" ")}: ${text.decode(stderr)}`);
    return text.decode(stdout).trim();
  }

  /** Submits a script of bash. @param args of sbatch. @returns the number of the job */
  async submit(script: string, ...args: string[]): Promise<string> {
    return await this.ask("sbatch", "--parsable", "--output=/dev/null", ...args, "--wrap", script);
  }

  /**
   * State of a node as `sinfo` says it: `idle`, `mixed`, `down*`; the star says that it does not answer. Who asks several times a
   * second may be told `mixed*` of a node that is down since: ask for its jobs instead.
   */
  async nodeState(node: string): Promise<string> {
    return await this.ask("sinfo", "--noheader", "--nodes", node, "--format", "%T");
  }

  /** State of a job as Slurm says it, also after its end: `PENDING`, `RUNNING`, `COMPLETED`, `NODE_FAIL`. */
  async jobState(job: string): Promise<string> {
    return await this.jobField(job, "JobState");
  }

  /** A field of `scontrol show job`: `BatchHost`, `Reason`, `Restarts`. */
  async jobField(job: string, field: string): Promise<string> {
    const shown = await this.ask("scontrol", "--oneliner", "show", "job", job);
    return new RegExp(`(?:^| )${field}=(\\S*)`).exec(shown)?.[1] ?? "";
  }

  /** Waits until something is so. @param what it is, for the message */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + patienceMs; !(await isSo());) {
      assert.ok(Date.now() < end, `expected within ${patienceMs / 1000} s: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Processes of a node: its daemon, and all that its jobs have started. */
  processes(node: string): number[] {
    return processesIn(this.#nodeOf(node).namespace);
  }

  /** Ends all processes of a node at once, as a machine that loses its power. Its jobs are `NODE_FAIL` after some 10 to 20 s. */
  async killNode(node: string): Promise<void> {
    await killAll(() => this.processes(node));
    await this.#daemons.get(node)?.status;
    this.#daemons.delete(node);
  }

  /** Ends only the daemon of a node: its jobs run on. */
  async killDaemon(node: string): Promise<void> {
    this.#daemons.get(node)?.kill("SIGKILL");
    await this.#daemons.get(node)?.status;
    this.#daemons.delete(node);
  }

  /** Cuts the link of a node: its processes run on, and reach nobody. */
  cutLink(node: string): void {
    this.#cut.add(node);
    ip("link", "set", this.#nodeOf(node).link, "down");
  }

  mendLink(node: string): void {
    this.#cut.delete(node);
    ip("link", "set", this.#nodeOf(node).link, "up");
  }

  /** Starts the daemon of a node that was killed, mends its link, and waits until Slurm gives it jobs again. */
  async bringBack(node: string): Promise<void> {
    this.mendLink(node);
    if (!this.#daemons.has(node)) this.#startDaemon(node);
    await this.#untilServing(node);
  }

  /**
   * Waits until a job is in the files of the controller: up to 5 s. A controller that is killed before has forgotten the job, though
   * it said its number: once it is back, it ends what runs of it.
   */
  async untilSaved(job: string): Promise<void> {
    await this.ask("scontrol", "update", `JobId=${job}`, "Comment=saved");
    const [since, file] = [Date.now(), join(this.folder, "state/job_state")];
    const time = () => existsSync(file) ? Deno.statSync(file).mtime!.getTime() : 0;
    await this.until(`job ${job} is saved`, () => Promise.resolve(time() >= since));
  }

  /** Ends the controller as a crash does. Jobs run on; Slurm's commands wait or fail. */
  async killController(): Promise<void> {
    this.#controller?.kill("SIGKILL");
    await this.#controller?.status;
    this.#controller = undefined;
  }

  /** Starts the controller, which knows its jobs from its folder, and waits until it knows the nodes that it can reach. */
  async startController(): Promise<void> {
    const { configuration, head } = this.#names;
    this.#controller = spawnOn(head, `slurmctld -D -f ${configuration}`);
    await this.until("slurmctld answers", async () => {
      const { success } = await new Deno.Command("scontrol", {
        args: ["ping"],
        env: this.environment,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).output();
      return success;
    });
    // A node that is killed before the new controller has heard of it stays `unknown` for minutes.
    for (const node of this.#daemons.keys()) {
      if (!this.#cut.has(node)) await this.#untilServing(node);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await clean(this.#slot.number);
    const processes = [this.#controller, this.#munged, ...this.#daemons.values()];
    await Promise.all(processes.map((process) => process?.status));
    this.#slot[Symbol.dispose]();
  }

  async #start(): Promise<void> {
    const { folder, configuration, bridge, address, head, nodes } = this.#names;
    for (const name of ["run", "log", "state", ...nodes.map(({ name }) => `spool-${name}`)]) {
      Deno.mkdirSync(join(folder, name), { recursive: true });
    }
    Deno.chmodSync(folder, 0o755); // munged refuses a folder that all may write to
    Deno.writeTextFileSync(configuration, slurmConfiguration(this.#names));
    const key = join(folder, "munge.key");
    Deno.writeFileSync(key, crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o400 });
    ip("link", "add", bridge, "type", "bridge");
    ip("addr", "add", `${address}/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    for (const { namespace, link, address: own } of [head, ...nodes]) {
      ip("netns", "add", namespace);
      ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace);
      ip("link", "set", link, "master", bridge, "up");
      ip("-n", namespace, "addr", "add", `${own}/24`, "dev", "eth0");
      ip("-n", namespace, "link", "set", "eth0", "up");
      ip("-n", namespace, "link", "set", "lo", "up");
      ip("-n", namespace, "route", "add", "default", "via", address);
    }
    const file = (name: string) => join(folder, name);
    this.#munged = spawn(
      ...["munged", "--foreground", "--force", `--key-file=${key}`] as const,
      ...[`--socket=${file("run/munge.sock")}`, `--pid-file=${file("run/munged.pid")}`],
      ...[`--log-file=${file("log/munged.log")}`, `--seed-file=${file("run/munge.seed")}`],
    );
    await this.until("munged listens", () => Promise.resolve(existsSync(file("run/munge.sock"))));
    await this.startController();
    for (const node of this.nodes) this.#startDaemon(node);
    for (const node of this.nodes) await this.#untilServing(node);
  }

  #startDaemon(node: string): void {
    const daemon = `slurmd -D -N ${node} -f ${this.#names.configuration}`;
    this.#daemons.set(node, spawnOn(this.#nodeOf(node), daemon));
  }

  async #untilServing(node: string): Promise<void> {
    const serving = /^(idle|mixed|allocated)$/;
    await this.until(`${node} is idle`, async () => serving.test(await this.nodeState(node)));
  }

  #nodeOf(node: string): LabHost {
    const found = this.#names.nodes.find(({ name }) => name === node);
    assert.ok(found, `expected a node of ${this.nodes.join(", ")}, found ${node}`);
    return found;
  }
}

/** Removes all that a cluster of this number has, also one whose test was killed in the middle. */
async function clean(number: number): Promise<void> {
  const { folder, bridge, head, nodes } = labNames(`/tmp/${prefix}-${number}`, number);
  const hosts = [head, ...nodes];
  const namespaces = hosts.map(({ namespace }) => namespace).filter((name) =>
    existsSync(`/run/netns/${name}`)
  );
  // The controller first, or else it sees its nodes die.
  await killAll(() => processesNaming(`${folder}/`));
  await killAll(() => namespaces.flatMap(processesIn));
  for (const name of namespaces) run("ip", "netns", "del", name);
  for (const { link } of hosts) run("ip", "link", "del", link); // where its namespace had gone
  run("ip", "link", "del", bridge);
  if (existsSync(folder)) Deno.removeSync(folder, { recursive: true });
}

/** Kills until none is left: one may start another meanwhile. */
async function killAll(list: () => number[]): Promise<void> {
  for (let pids = list(); pids.length > 0; pids = list()) {
    for (const pid of pids) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch { /* it has ended */ }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function processesIn(namespace: string): number[] {
  const { stdout } = run("ip", "netns", "pids", namespace);
  return stdout.split("\n").filter((line) => line !== "").map(Number).filter(isRunning);
}

/** Processes whose command line has a text. */
function processesNaming(text: string): number[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) =>
    pid > 0 && pid !== Deno.pid
  );
  return pids.filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(text);
    } catch {
      return false; // it has ended
    }
  });
}

/** Whether it is more than an entry for its parent to read. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

function ip(...args: string[]): void {
  const { success, stderr } = run("ip", ...args);
  assert.ok(success, `ip ${args.join(" ")}: ${stderr}`);
}

function run(program: string, ...args: string[]) {
  const { success, stdout, stderr } = new Deno.Command(program, { args, stdin: "null" })
    .outputSync();
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Each program here becomes the next, so that it is one process. `ip netns exec` would hide the control groups that slurmd looks for. */
function spawnOn({ name, namespace }: LabHost, command: string): Deno.ChildProcess {
  const script = `hostname ${name} && exec ${command}`;
  return spawn("nsenter", `--net=/run/netns/${namespace}`, "unshare", "--uts", "sh", "-c", script);
}

function spawn(program: string, ...args: string[]): Deno.ChildProcess {
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  return new Deno.Command(program, { args, ...quiet }).spawn();
}
