/**
 * Manifests of Kubernetes for jobs: what `kubectl apply` reads. The same job and settings give the same bytes.
 *
 * A manifest is one attempt. Kubernetes does not repeat it: another attempt has a folder and a manifest of its own. Workers of rounds
 * are one job of several processes, which may be started again: they go on from their checkpoints.
 */
import { stringify } from "yaml";
import type { Job } from "./job_queue.ts";

export interface KubernetesSettings {
  /** Where manifests are written. */
  readonly folder: string;
  readonly image: string;
  readonly namespace?: string;
  readonly volumes: readonly KubernetesVolume[];
  /** Number of cards of Nvidia of each job. */
  readonly gpus: number;
  /** Seconds from the wish to stop to the end. */
  readonly graceSeconds: number;
  /** Whose files a job writes. */
  readonly user: number;
  readonly group: number;
  /** A folder of the node's own disk, which ends with the pod. */
  readonly scratch: string;
  /** The path of Deno in the image. */
  readonly deno: string;
  /** Where Deno keeps packages, on one of the volumes. */
  readonly denoCache: string;
}

/** A claim to a volume, and where it is mounted: at the path that it has here. */
export interface KubernetesVolume {
  readonly claim: string;
  readonly path: string;
}

/** Long-lived processes that are one job. */
export interface Workers {
  readonly name: string;
  /** What they work for, for people. */
  readonly instance: string;
  readonly count: number;
  /** Of `sh`. */
  readonly command: string;
  /** Where what they print goes, if the queue keeps nothing of it; absolute. */
  readonly log: string;
  readonly threads: number;
  readonly memoryBytes: number;
}

/** How often pods of workers may fail before Kubernetes gives up on them. */
const workersBackoffLimit = 100;

/** Memory that the forecast of a process does not have: the runtime's start, and what was measured elsewhere. */
const [spareShare, spareBytes] = [1.25, 256 * 2 ** 20];

/** The manifest of one attempt. */
export function jobManifest(job: Job, settings: KubernetesSettings): string {
  const command = [job.script];
  const once = { completions: 1, parallelism: 1, backoffLimit: 0 };
  return manifest(
    job,
    once,
    podOf({ ...job, command, restartPolicy: "Never" }, settings),
    settings,
  );
}

/** The manifest of workers. */
export function workersManifest(workers: Workers, settings: KubernetesSettings): string {
  const { count, command: script } = workers;
  const indexed = {
    completionMode: "Indexed",
    completions: count,
    parallelism: count,
    backoffLimit: workersBackoffLimit,
  };
  const command = ["/bin/sh", "-c", script];
  const pod = podOf({ ...workers, command, restartPolicy: "OnFailure" }, settings);
  return manifest(workers, indexed, pod, settings);
}

function manifest(
  { name, instance }: { readonly name: string; readonly instance: string },
  repeating: Readonly<Record<string, unknown>>,
  pod: Readonly<Record<string, unknown>>,
  { namespace }: KubernetesSettings,
): string {
  const labels = { "app.kubernetes.io/name": "dept" };
  const annotations = { "dept/instance": instance };
  return stringify({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels, annotations },
    spec: { ...repeating, template: { metadata: { labels, annotations }, spec: pod } },
  }, { lineWidth: 0, aliasDuplicateObjects: false });
}

interface PodWork {
  readonly command: readonly string[];
  readonly restartPolicy: "Never" | "OnFailure";
  readonly threads: number;
  readonly memoryBytes: number;
}

function podOf(
  { command, restartPolicy, threads, memoryBytes }: PodWork,
  { image, volumes, gpus, graceSeconds, user, group, scratch, denoCache }: KubernetesSettings,
) {
  const memory = memoryBytes > 0
    ? { memory: `${Math.ceil((spareShare * memoryBytes + spareBytes) / 2 ** 20)}Mi` }
    : {};
  const cards = gpus > 0 ? { "nvidia.com/gpu": String(gpus) } : {};
  const claims = [...new Set(volumes.map(({ claim }) => claim))];
  const nameOf = (claim: string) => `volume-${claims.indexOf(claim) + 1}`; // claims may have points, names of volumes may not
  return {
    restartPolicy,
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: { runAsUser: user, runAsGroup: group },
    containers: [{
      name: "main",
      image,
      command,
      env: [{ name: "DENO_DIR", value: denoCache }, { name: "HOME", value: scratch }],
      resources: { requests: { cpu: String(threads), ...memory }, limits: { ...memory, ...cards } },
      volumeMounts: [
        ...volumes.map(({ claim, path }) => ({ name: nameOf(claim), mountPath: path })),
        { name: "scratch", mountPath: scratch },
      ],
    }],
    volumes: [
      ...claims.map((claim) => ({
        name: nameOf(claim),
        persistentVolumeClaim: { claimName: claim },
      })),
      { name: "scratch", emptyDir: {} },
    ],
  };
}
