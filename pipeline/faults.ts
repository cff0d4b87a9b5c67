/**
 * Fault injection for crash tests: ends a process, or lets a write fail, at a chosen write point.
 *
 * `DEPT_FAULT=<process>:<point>:<n>[:full]` names the n-th time (from 1) that a process reaches a point; the process is
 * `runner` or an instance. It is killed there (SIGKILL), or with `full` the call fails as on a full disk.
 * `DEPT_FAULT_TRACE=FILE` appends a line `<process>:<point>` for every point that is reached, so that a harness can
 * visit them all. Without these variables nothing is touched. The calls themselves are wrapped, so that every write counts,
 * of stages and libraries too, and the code that writes knows nothing of it.
 */

/** Where a process can be ended. `mid-write`: half of the bytes are written. */
const faultPoints = [
  "before-write",
  "mid-write",
  "before-sync",
  "before-rename",
  "after-rename",
  "before-remove",
] as const;
type FaultPoint = (typeof faultPoints)[number];

/** What to do, as the environment says; plain data that a request to a child carries on. */
export interface Faults {
  readonly fault?: string;
  readonly trace?: string;
}

/** What the environment of this process asks for; undefined where nothing. */
export function faultsOfEnvironment(): Faults | undefined {
  const fault = Deno.env.get("DEPT_FAULT");
  const trace = Deno.env.get("DEPT_FAULT_TRACE");
  return fault === undefined && trace === undefined ? undefined : { fault, trace };
}

let armed: { readonly name: string; readonly visit: Visit } | undefined;
let traceFile: Deno.FsFile | undefined;

/** Arms this process. @param name `runner`, or the instance that this process runs: the last one counts. */
export function armFaults(name: string, faults: Faults | undefined): void {
  if (faults === undefined || armed?.name === name) return;
  const isWrapped = armed !== undefined;
  armed = { name, visit: visitor(name, faults) };
  if (isWrapped) return;
  const visit: Visit = (point, writeHalf) => armed!.visit(point, writeHalf);
  wrapFiles(visit);
  wrapFolders(visit);
}

/** Called at each point; mid-write with what writes the first half. */
type Visit = (point: FaultPoint, writeHalf?: () => void) => void;

function visitor(name: string, { fault, trace }: Faults): Visit {
  const [target, wanted, ordinal, kind] = fault?.split(":") ?? [];
  const seen = new Map<FaultPoint, number>();
  if (trace !== undefined) traceFile ??= Deno.openSync(trace, { append: true, create: true });
  const { writeSync } = Deno.FsFile.prototype;
  return (point, writeHalf) => {
    const count = (seen.get(point) ?? 0) + 1;
    seen.set(point, count);
    if (traceFile !== undefined) {
      writeSync.call(traceFile, new TextEncoder().encode(`${name}:${point}\n`));
    }
    if (name !== target || point !== wanted || count !== Number(ordinal)) return;
    writeHalf?.();
    if (kind === "full") throw Object.assign(new Error(diskFull), { code: "ENOSPC" });
    Deno.kill(Deno.pid, "SIGKILL");
    for (;;); // the signal is on its way
  };
}

const diskFull = "No space left on device (os error 28)";

function wrapFiles(visit: Visit): void {
  const file = Deno.FsFile.prototype;
  const { write, writeSync, sync, syncSync } = file;
  file.writeSync = function (bytes) {
    visit("before-write");
    visit("mid-write", () => writeSync.call(this, bytes.subarray(0, bytes.length >> 1)));
    return writeSync.call(this, bytes);
  };
  file.write = function (bytes) {
    visit("before-write");
    visit("mid-write", () => writeSync.call(this, bytes.subarray(0, bytes.length >> 1)));
    return write.call(this, bytes);
  };
  file.syncSync = function () {
    visit("before-sync");
    syncSync.call(this);
  };
  file.sync = function () {
    visit("before-sync");
    return sync.call(this);
  };
  const { writeFileSync, writeTextFileSync, writeFile, writeTextFile } = Deno;
  const half = (path: string | URL, data: unknown) => () => {
    if (typeof data === "string") writeTextFileSync(path, data.slice(0, data.length >> 1));
    else if (data instanceof Uint8Array) {
      writeFileSync(path, data.subarray(0, data.length >> 1));
    }
  };
  // deno-lint-ignore no-explicit-any -- four functions of one form
  const whole = <F extends (path: string | URL, data: any, options?: any) => any>(original: F): F =>
    ((path, data, options) => {
      visit("before-write");
      visit("mid-write", half(path, data));
      return original(path, data, options);
    }) as F;
  Object.assign(Deno, {
    writeFileSync: whole(writeFileSync),
    writeTextFileSync: whole(writeTextFileSync),
    writeFile: whole(writeFile),
    writeTextFile: whole(writeTextFile),
  });
}

function wrapFolders(visit: Visit): void {
  const { renameSync, rename, removeSync } = Deno;
  Object.assign(Deno, {
    renameSync(from: string | URL, to: string | URL) {
      visit("before-rename");
      renameSync(from, to);
      visit("after-rename");
    },
    async rename(from: string | URL, to: string | URL) {
      visit("before-rename");
      await rename(from, to);
      visit("after-rename");
    },
    removeSync(path: string | URL, options?: Deno.RemoveOptions) {
      visit("before-remove");
      removeSync(path, options);
    },
  });
}
