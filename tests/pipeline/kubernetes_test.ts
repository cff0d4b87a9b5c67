/**
 * Manifests of Kubernetes: valid by its published schema (of OpenAPI, as the package kubernetes-models has it), with known fields only.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { type IJob, Job } from "kubernetes-models/batch/v1";
import { KubernetesQueue } from "../../pipeline/executors/kubernetes.ts";
import { KubernetesWorkers } from "../../pipeline/executors/workers_job.ts";
import { jobManifest, workersManifest } from "../../pipeline/executors/kubernetes_manifest.ts";
import { checkOnVolumes, parseKubernetes } from "../../pipeline/executors/kubernetes_option.ts";
import { temporaryFolder } from "../support/command_line.ts";

const options =
  "jobs,deno-dir=/packages/deno,namespace=research,image=denoland/deno:2.9.6,volume=shared.data:/data," +
  "volume=code:/code,volume=code:/packages,gpus=1,grace=60,user=1000:100";
const settings = parseKubernetes(options);
const job = {
  name: "dept-0123456789ab-1f-2",
  instance: "pretrain/spec",
  script: "/data/store/tmp/x-1f-2/job.sh",
  output: "/data/store/tmp/x-1f-2/output",
  threads: 4,
  memoryBytes: 2 ** 30,
};

/** The manifest as an object that Kubernetes' schema takes. */
function checked(manifest: string): IJob {
  const parsed = parse(manifest);
  new Job(parsed).validate();
  return parsed;
}

Deno.test("jobManifest() asks Kubernetes for one attempt, with the claim's processors and memory, and what the user named", () => {
  // `satisfies` refuses fields that Kubernetes does not know: the schema itself lets them pass.
  const expected = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: "dept-0123456789ab-1f-2",
      namespace: "research",
      labels: { "app.kubernetes.io/name": "dept" },
      annotations: { "dept/instance": "pretrain/spec" },
    },
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      template: {
        metadata: {
          labels: { "app.kubernetes.io/name": "dept" },
          annotations: { "dept/instance": "pretrain/spec" },
        },
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 60,
          securityContext: { runAsUser: 1000, runAsGroup: 100 },
          containers: [{
            name: "main",
            image: "denoland/deno:2.9.6",
            command: ["/data/store/tmp/x-1f-2/job.sh"],
            env: [{ name: "DENO_DIR", value: "/packages/deno" }, {
              name: "HOME",
              value: "/scratch",
            }],
            resources: {
              requests: { cpu: "4", memory: "1536Mi" }, // 1.25 × 1024 + 256
              limits: { memory: "1536Mi", "nvidia.com/gpu": "1" },
            },
            volumeMounts: [
              { name: "volume-1", mountPath: "/data" },
              { name: "volume-2", mountPath: "/code" },
              { name: "volume-2", mountPath: "/packages" },
              { name: "scratch", mountPath: "/scratch" },
            ],
          }],
          volumes: [
            { name: "volume-1", persistentVolumeClaim: { claimName: "shared.data" } },
            { name: "volume-2", persistentVolumeClaim: { claimName: "code" } },
            { name: "scratch", emptyDir: {} },
          ],
        },
      },
    },
  } satisfies IJob;
  assert.deepEqual(checked(jobManifest(job, settings)), expected);
  assert.equal(
    jobManifest({ ...job }, parseKubernetes(options)),
    jobManifest(job, settings),
  );
});

Deno.test("jobManifest() asks for no memory and no card where nothing is known of them", () => {
  const plain = parseKubernetes("jobs,volume=a:/data");
  const manifest = checked(jobManifest({ ...job, memoryBytes: 0 }, plain));
  const { resources } = manifest.spec!.template.spec!.containers[0];
  assert.deepEqual(resources, { requests: { cpu: "4" }, limits: {} });
  assert.equal(manifest.metadata!.namespace, undefined);
});

Deno.test("workersManifest() asks for processes that Kubernetes tells apart and starts again", () => {
  const workers = {
    name: "dept-0123456789ab-workers",
    instance: "pretrain/spec",
    count: 3,
    log: "/data/store/logs/x.workers.log",
    command: 'exec deno run -A main.ts silo pretrain/spec --name "worker-$JOB_COMPLETION_INDEX"',
    threads: 2,
    memoryBytes: 0,
  };
  const { spec } = checked(workersManifest(workers, settings));
  const { template: { spec: pod }, ...rest } = spec!;
  assert.deepEqual(
    { ...rest, restartPolicy: pod!.restartPolicy, command: pod!.containers[0].command },
    {
      completionMode: "Indexed",
      completions: 3,
      parallelism: 3,
      backoffLimit: 100,
      restartPolicy: "OnFailure",
      command: ["/bin/sh", "-c", workers.command],
    },
  );
});

Deno.test("the schema refuses what Kubernetes would", () => {
  const manifest = parse(jobManifest(job, settings));
  manifest.spec.template.spec.containers[0].resources.limits.memory = "much";
  assert.throws(() => new Job(manifest).validate(), /memory must match format "quantity"/);
});

Deno.test("parseKubernetes() refuses what is no folder, no setting, no volume", () => {
  for (
    const [text, said] of [
      ["", /expected a folder for manifests first, as kubernetes:jobs, found ""/],
      ["volume=a:/b", /expected a folder for manifests first/],
      [
        "jobs,colour=red,volume=a:/b",
        /expected NAME=VALUE with a name of image, .*, found "colour=red"/,
      ],
      ["jobs", /expected volume=CLAIM:PATH, which has the store in it, found no volume/],
      ["jobs,volume=a:b", /expected volume=CLAIM:PATH with the whole path, found "a:b"/],
      ["jobs,volume=A_b:/b", /expected volume=CLAIM:PATH/],
      ["jobs,volume=a:/b,gpus=two", /expected a whole number as gpus, found "two"/],
      ["jobs,volume=a:/b,user=me", /expected user=UID:GID, found "me"/],
    ] as const
  ) assert.throws(() => parseKubernetes(text), said);
  checkOnVolumes("the store", "/data/store", settings);
  checkOnVolumes("the store", "/data", settings);
  assert.throws(
    () => checkOnVolumes("the store", "/database", settings),
    /expected the store on one of the volumes \(\/data, \/code, \/packages\), found "\/database"/,
  );
});

Deno.test("KubernetesQueue takes a manifest that is there for a job, and one that was removed for a lost one", async () => {
  using folder = temporaryFolder();
  const place = join(folder.path, "jobs");
  const queue = new KubernetesQueue({ ...settings, folder: place });
  assert.equal(await queue.find(job.name), undefined);
  const number = await queue.submit(job);
  assert.equal(await queue.find(job.name), number);
  const path = join(place, `${job.name}.yaml`);
  assert.equal(Deno.readTextFileSync(path), jobManifest(job, settings));
  const to = `kubectl apply -f ${path}`;
  assert.deepEqual(await queue.state(number), { type: "left", to });
  await queue.stop();
  assert.deepEqual([...Deno.readDirSync(place)].map(({ name }) => name), [`${job.name}.yaml`]);
  await queue.kill(number);
  const lost = { type: "over", how: "its manifest was removed", isLost: true };
  assert.deepEqual(await queue.state(number), lost);
});

Deno.test("KubernetesWorkers writes one manifest, and says what is to be applied, then deleted", async () => {
  using folder = temporaryFolder();
  const queue = new KubernetesWorkers({ ...settings, folder: folder.path });
  assert.equal(await queue.find("dept-workers-1"), undefined);
  const path = join(folder.path, "dept-workers-1.yaml");
  const command = 'exec silo --name "worker-$worker"';
  const log = "/data/store/logs/x.workers.log";
  const workers = { name: "dept-workers-1", instance: "pretrain/spec", count: 3, command, log };
  assert.equal(
    await queue.submit({ ...workers, threads: 1, memoryBytes: 0 }),
    `waits for its 3 workers: kubectl apply -f ${path}`,
  );
  assert.equal(await queue.find("dept-workers-1"), "dept-workers-1");
  const { spec } = checked(Deno.readTextFileSync(path));
  const [, , script] = spec!.template.spec!.containers[0].command!;
  // Kubernetes gives each process of the job its index.
  const say = script.replace("exec silo", "echo");
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", say],
    env: { JOB_COMPLETION_INDEX: "2" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "--name worker-2\n");
  assert.equal(await queue.stop("dept-workers-1"), "kubectl delete job dept-workers-1");
  assert.equal(await queue.find("dept-workers-1"), undefined);
});
