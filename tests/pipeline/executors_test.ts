import assert from "node:assert/strict";
import { join } from "node:path";
import { copyCheckpoints } from "../../pipeline/executors/attempt.ts";
import { parseExecutor } from "../../pipeline/executors/executor_option.ts";
import { JobReader } from "../../pipeline/executors/job_reader.ts";
import {
  attemptFolder,
  dropLease,
  type Lease,
  placeOf,
  readLease,
  readLeases,
  takeLease,
  writeLease,
} from "../../pipeline/executors/leases.ts";
import { encodeMessage } from "../../pipeline/protocol.ts";
import { Store } from "../../pipeline/store.ts";
import { inTemporaryFolder, namesIn } from "../support/toy_cli.ts";

const lease: Lease = {
  format: 1,
  key: "0".repeat(64),
  instance: "walk/a",
  id: "01234567",
  queue: "slurm job",
  attempt: 1,
  losses: 0,
  fileNotes: "",
  since: "2026-01-01T00:00:00.000Z",
};

Deno.test("parseExecutor() gives sbatch what is not ours, and a value its commas", () => {
  assert.deepEqual(parseExecutor("local"), { kind: "local" });
  const choice = parseExecutor(
    "slurm:partition=gpu,nodelist=n1,n2,gres=gpu:1,ask=5,scratch=/local",
  );
  assert.ok(choice.kind === "slurm");
  assert.deepEqual(choice.slurm.sbatch, ["--partition=gpu", "--nodelist=n1,n2", "--gres=gpu:1"]);
  assert.equal(choice.slurm.askEveryMs, 5000);
  assert.equal(choice.jobs.scratch, "/local");
  const plain = parseExecutor("slurm");
  assert.ok(plain.kind === "slurm" && plain.slurm.sbatch.length === 0);
});

Deno.test("parseExecutor() refuses what it does not know, and what says which job it is", () => {
  const refused = {
    moon:
      /^UsageError: Cannot accept --executor moon: expected local, slurm\[:NAME=VALUE,…\] or kubernetes:DIR,NAME=VALUE,…, found "moon"$/,
    "local:2": /expected local, slurm/,
    "slurm:gpu": /expected NAME=VALUE, as partition=gpu, found "gpu"$/,
    "slurm:job-name=x": /expected a setting that does not say what a job is$/,
    "slurm:ask=often": /expected seconds, at most a day$/,
  };
  for (const [text, message] of Object.entries(refused)) {
    assert.throws(() => parseExecutor(text), message, text);
  }
});

Deno.test("takeLease() gives an action to one alone, until the lease is dropped", async () => {
  await inTemporaryFolder((store) => {
    Deno.mkdirSync(join(store, "tmp"));
    assert.deepEqual(readLeases(store), []);
    assert.ok(takeLease(store, lease));
    assert.ok(!takeLease(store, { ...lease, id: "89abcdef" }));
    assert.deepEqual(readLease(store, lease.key), lease);
    writeLease(store, { ...lease, job: "12", node: "n2" });
    assert.equal(placeOf(readLeases(store)[0]), "slurm job 12 on n2");
    dropLease(store, lease);
    assert.equal(readLease(store, lease.key), undefined);
    assert.deepEqual(namesIn(join(store, "leases")), []);
  });
});

Deno.test("Store.sweepTemporary() leaves what attempts of a lease write, also if the lease cannot be read", async () => {
  await inTemporaryFolder((folder) => {
    const store = Store.open(join(folder, "store"), { create: true });
    const temporary = join(store.folder, "tmp");
    takeLease(store.folder, lease);
    const attempts = [1, 2].map((attempt) => attemptFolder(store.folder, { ...lease, attempt }));
    for (const path of [...attempts, store.makeTemporary([])]) {
      Deno.mkdirSync(join(path, "reports"), { recursive: true });
    }
    const held = attempts.map((path) => path.slice(temporary.length + 1));
    store.sweepTemporary();
    assert.deepEqual(namesIn(temporary), held);
    Deno.writeTextFileSync(join(store.folder, "leases", `${lease.key}.json`), "{");
    store.sweepTemporary();
    assert.deepEqual(namesIn(temporary), held);
    assert.throws(
      () => readLeases(store.folder),
      /^UsageError: Cannot read ".*json": expected the lease of a job, found something else; if no job works there, remove it$/,
    );
    Deno.removeSync(join(store.folder, "leases", `${lease.key}.json`));
    store.sweepTemporary();
    assert.deepEqual(namesIn(temporary), []);
  });
});

Deno.test("JobReader reads each whole line once, whichever runner reads it", async () => {
  await inTemporaryFolder((folder) => {
    Deno.mkdirSync(join(folder, "reports"));
    const message = (text: string) => encodeMessage({ type: "log", level: "info", message: text });
    const append = (name: string, text: string) =>
      Deno.writeTextFileSync(join(folder, name), text, { append: true });
    const texts = (reader: JobReader) =>
      reader.news().messages.map((it) => it.type === "log" ? it.message : it.type);
    const first = new JobReader(folder);
    assert.deepEqual(first.news(), { messages: [], printed: [] });
    append("reports/messages", message("one") + message("two").slice(0, 20));
    append("output", "printed\nhalf");
    assert.deepEqual(texts(first), ["one"]);
    append("reports/messages", message("two").slice(20));
    const second = new JobReader(folder);
    assert.deepEqual(texts(second), ["two"]);
    assert.deepEqual(second.news(true).printed, ["half"], "the last line has no end");
    assert.equal(second.outcome(), undefined);
    append("reports/outcome.json", JSON.stringify({ type: "stopped", isClean: true }));
    assert.deepEqual(second.outcome(), { type: "stopped", isClean: true });
    append("reports/outcome.json", "x");
    assert.throws(() => second.outcome(), SyntaxError);
  });
});

Deno.test("copyCheckpoints() copies files, folders and times, and what is there already goes", async () => {
  await inTemporaryFolder((folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    Deno.mkdirSync(join(from, ".parts"), { recursive: true });
    Deno.writeTextFileSync(join(from, "made-of"), "key\n");
    Deno.writeTextFileSync(join(from, ".parts", "a"), "tensor");
    Deno.utimeSync(join(from, ".parts", "a"), 5, 5);
    Deno.mkdirSync(to);
    Deno.writeTextFileSync(join(to, "old"), "");
    copyCheckpoints(from, to, ["made-of"]);
    assert.deepEqual([namesIn(to), namesIn(join(to, ".parts"))], [[".parts", "made-of"], ["a"]]);
    assert.equal(Deno.statSync(join(to, ".parts", "a")).mtime?.getTime(), 5000);
  });
});

Deno.test("copyCheckpoints() keeps only the notes of what is written without a break", async () => {
  await inTemporaryFolder((folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    Deno.mkdirSync(from);
    Deno.writeTextFileSync(join(from, "made-of"), "key\n");
    const busy = Deno.copyFileSync;
    let copies = 0;
    try {
      // Another process that writes while files are copied.
      Deno.copyFileSync = (source, target) => {
        Deno.writeTextFileSync(join(from, `part-${copies++}`), "");
        busy(source, target);
      };
      copyCheckpoints(from, to, ["made-of"]);
    } finally {
      Deno.copyFileSync = busy;
    }
    assert.ok(copies >= 5);
    assert.deepEqual(namesIn(to), ["made-of"]);
  });
});
