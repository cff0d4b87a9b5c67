/**
 * The option `--executor`: `local`, or a queue with its settings, `slurm:partition=gpu,time=08:00:00`, `kubernetes:jobs,volume=data:/data`.
 */
import { UsageError } from "../../base/mod.ts";
import type { JobSettings } from "./job_child.ts";
import type { KubernetesSettings } from "./kubernetes_manifest.ts";
import { parseKubernetes } from "./kubernetes_option.ts";
import type { SlurmSettings } from "./slurm.ts";

export type ExecutorChoice =
  | { readonly kind: "local" }
  /** This process is a detached job, see `in_job.ts`. No user types it. */
  | { readonly kind: "in-job" }
  | { readonly kind: "slurm"; readonly slurm: SlurmSettings; readonly jobs: JobSettings }
  | {
    readonly kind: "kubernetes";
    readonly kubernetes: KubernetesSettings;
    readonly jobs: JobSettings;
  };

/** Settings that are ours; all others are options of `sbatch`. */
const defaults = { deno: Deno.execPath(), scratch: "/tmp", grace: "120", look: "1", ask: "10" };

/** Options of `sbatch` that say what a job is, or that would make it something else. */
const refused = [
  ...[
    "array",
    "chdir",
    "comment",
    "dependency",
    "error",
    "input",
    "job-name",
    "kill-on-invalid-dep",
  ],
  ...[
    "no-requeue",
    "open-mode",
    "output",
    "parsable",
    "requeue",
    "signal",
    "test-only",
    "wait",
    "wrap",
  ],
];

/** @throws UsageError for what is no executor */
export function parseExecutor(text: string): ExecutorChoice {
  const at = text.indexOf(":");
  const [kind, rest] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  if (text === "local" || text === "in-job") return { kind: text };
  if (kind === "slurm") return slurmChoice(rest);
  if (kind === "kubernetes") return kubernetesChoice(rest);
  throw new UsageError(
    `Cannot accept --executor ${text}: expected local, slurm[:NAME=VALUE,…] or kubernetes:DIR,NAME=VALUE,…, found "${kind}"`,
  );
}

function slurmChoice(text: string): ExecutorChoice {
  const own: Record<string, string> = { ...defaults };
  const sbatch: string[] = [];
  for (const [name, value] of settingsIn(text)) {
    if (name in defaults) own[name] = value;
    else if (refused.includes(name)) {
      throw new UsageError(
        `Cannot accept --executor slurm:${name}=…: expected a setting that does not say what a job is`,
      );
    } else sbatch.push(`--${name}=${value}`);
  }
  const ms = (name: string) => {
    const seconds = Number(own[name]);
    if (seconds > 0 && seconds <= 86_400) return 1000 * seconds;
    throw new UsageError(
      `Cannot accept --executor slurm:${name}=${own[name]}: expected seconds, at most a day`,
    );
  };
  const askEveryMs = ms("ask");
  return {
    kind: "slurm",
    slurm: { sbatch, graceSeconds: Math.ceil(ms("grace") / 1000), askEveryMs },
    jobs: { deno: own.deno, scratch: own.scratch, lookEveryMs: ms("look"), askEveryMs },
  };
}

function kubernetesChoice(text: string): ExecutorChoice {
  const kubernetes = parseKubernetes(text);
  const { deno, scratch } = kubernetes;
  return {
    kind: "kubernetes",
    kubernetes,
    jobs: { deno, scratch, lookEveryMs: 1000, askEveryMs: 1000 },
  };
}

/** Names and values; a part without `=` belongs to the value before it: `nodelist=n1,n2`. */
function settingsIn(text: string): [string, string][] {
  const settings: [string, string][] = [];
  for (const part of text === "" ? [] : text.split(",")) {
    const [, name, value] = /^([a-z][a-z-]*)=(.*)$/s.exec(part) ?? [];
    if (name !== undefined) settings.push([name, value]);
    else if (settings.length > 0) settings.at(-1)![1] += `,${part}`;
    else {
      throw new UsageError(
        `Cannot accept --executor slurm:${text}: expected NAME=VALUE, as partition=gpu, found "${part}"`,
      );
    }
  }
  return settings;
}
