/**
 * A folder of manifests as a queue: whoever has the cluster applies them with `kubectl`. Kubernetes is never asked.
 *
 * A manifest that is there is a job that waits or runs. Its instance tells by files how it goes, as any job does. A manifest that the
 * user removes is a job that is lost: the next run writes another attempt.
 */
import { join } from "node:path";
import { removeQuietly, writeFileAtomic } from "../../base/mod.ts";
import type { Job, JobQueue, JobState } from "./job_queue.ts";
import { jobManifest, type KubernetesSettings } from "./kubernetes_manifest.ts";

export class KubernetesQueue implements JobQueue {
  readonly kind = "kubernetes job";
  readonly #settings: KubernetesSettings;

  constructor(settings: KubernetesSettings) {
    this.#settings = settings;
  }

  // deno-lint-ignore require-await
  async find(name: string): Promise<string | undefined> {
    return this.#isThere(name) ? name : undefined;
  }

  // deno-lint-ignore require-await
  async submit(job: Job): Promise<string> {
    Deno.mkdirSync(this.#settings.folder, { recursive: true });
    writeFileAtomic(this.#path(job.name), jobManifest(job, this.#settings));
    return job.name;
  }

  // deno-lint-ignore require-await
  async state(name: string): Promise<JobState> {
    if (this.#isThere(name)) {
      return { type: "left", to: `kubectl apply -f ${this.#path(name)}` };
    }
    return { type: "over", how: "its manifest was removed", isLost: true };
  }

  /** A job that nobody has applied yet is withdrawn by the user. */
  async stop(): Promise<void> {}

  async kill(name: string): Promise<void> {
    await this.forget(name);
  }

  // deno-lint-ignore require-await
  async forget(name: string): Promise<void> {
    removeQuietly(this.#path(name));
  }

  #path(name: string): string {
    return join(this.#settings.folder, `${name}.yaml`);
  }

  #isThere(name: string): boolean {
    try {
      return Deno.lstatSync(this.#path(name)).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }
}
