/**
 * What happens in a run, for a terminal or as JSON, one object a line (`run --json`). `events.schema.json` beside this file
 * is its JSON Schema, made from these schemas. The first event is `plan`, the last `summary`; members may be added within a
 * format, readers ignore those that they do not know; anything else raises `eventFormat`.
 */
import { z } from "zod";
import type { Json } from "../base/mod.ts";

export const eventFormat = 2;

const key = z.string().regex(/^[0-9a-f]{64}$/);
const amount = (meaning?: string) => {
  const schema = z.number().min(0);
  return meaning === undefined ? schema : schema.describe(meaning);
};
const instance = z.string().describe("Id of an instance: stage/part/part@axis=value.");
const instances = z.array(z.string()).readonly();
const json = z.custom<Json>();
const fields = z.record(z.string(), json);

/** What an instance will cost, by the best that is known. */
export type InstanceForecast = Readonly<z.infer<typeof instanceForecast>>;
const instanceForecast = z.strictObject({
  durationMs: amount().optional(),
  bytes: amount("Of its outputs.").optional(),
  peakMemoryBytes: amount().optional(),
  flops: amount().optional(),
  basis: z.enum(["instance", "stage", "flops", "none"]).describe(
    "Where the duration comes from: an earlier run of the instance, others of its stage, its FLOPs, or nothing.",
  ),
}).describe("What an instance will cost; what nothing tells is absent.");

export type PlannedInstance = Readonly<z.infer<typeof plannedInstance>>;
const plannedInstance = z.strictObject({
  instance,
  state: z.enum(["fresh", "run", "waiting"]),
  key: key.optional(),
  reason: z.string().describe("Why it would run, or for what it waits.").optional(),
  forecast: instanceForecast.optional(),
});

/** What a run will cost if everything that is not fresh runs. */
export type PlanForecast = Readonly<z.infer<typeof planForecast>>;
const planForecast = z.strictObject({
  instances: amount("How many would run."),
  durationMs: amount(
    "Wall time with the jobs of the run, at least: an instance of which nothing is known counts as the start of a process.",
  ),
  bytes: amount("On disk, besides what is there."),
  peakMemoryBytes: amount("At one time, all processes together."),
  flops: amount(),
  unknown: amount("Instances of which nothing is known."),
  estimated: amount(
    "Instances whose time is computed from their operations alone: no earlier run tells it.",
  ),
}).describe("What the run will cost if everything that is not fresh runs.");

/** How a run ended: instances by fate, each list in the order of the plan. */
export type RunResult = Readonly<z.infer<z.ZodObject<typeof runResult>>>;
const runResult = {
  ran: instances,
  cached: instances,
  failed: instances,
  left: instances.describe("Stopped, or never started."),
};

function event<const Type extends string, Members extends z.core.$ZodShape>(
  type: Type,
  description: string,
  members: Members,
) {
  return z.strictObject({ type: z.literal(type), ...members }).meta({ title: type, description });
}

export type RunEvent = Readonly<z.infer<typeof runEvent>>;
export const runEvent = z.discriminatedUnion("type", [
  event("plan", "The first event: what there is to do.", {
    format: z.literal(eventFormat).describe("Of all events of this run."),
    recipe: z.string(),
    description: z.string(),
    store: z.string(),
    engine: z.string(),
    jobs: z.int().min(1).describe("Most processes at once."),
    instances: z.array(plannedInstance).readonly(),
    forecast: planForecast,
  }),
  event("started", "An instance was started, in a process that may have run others before.", {
    instance,
    key,
    reason: z.string(),
    isResumed: z.boolean().describe("There was a checkpoint to go on from."),
    place: z.string().describe("Where it runs, for people: `process 123`, `slurm job 45`."),
    pid: z.int().describe("Of its process, if that is one of this machine.").optional(),
  }),
  event("progress", "Where an instance stands, at most five times a second.", {
    instance,
    state: z.strictObject({
      done: amount(),
      total: amount(),
      unit: z.string(),
      lossNats: z.number().describe("Mean since the last report.").optional(),
      tokens: amount("Trained on since the last report.").optional(),
      note: z.string().optional(),
    }),
  }),
  event(
    "checkpoint",
    "A checkpoint was written: from here on a kill loses nothing that was done before.",
    { instance, key },
  ),
  event("log", "A message of a stage.", {
    instance,
    level: z.enum(["info", "warn"]),
    message: z.string(),
    fields: fields.optional(),
  }),
  event("done", "An instance has ended and its result is stored.", {
    instance,
    key,
    durationMs: amount(),
    peakMemoryBytes: amount("Most memory that its process has held.").optional(),
    bytes: amount("Of all outputs.").optional(),
    flops: amount(
      "Floating-point operations as its stage forecasts them; absent where it does not.",
    ).optional(),
    summary: fields.describe("What the stage says of its result."),
    outputs: z.record(z.string(), key).describe("Digest by output."),
  }),
  event("cached", "Its inputs turned out to be what they were: the stored result stands.", {
    instance,
    key,
  }),
  event("failed", "An instance has failed; nothing of it was stored.", {
    instance,
    message: z.string(),
    stack: z.string().optional(),
    log: z.string().describe("Path of its log."),
  }),
  event(
    "stopped",
    "An instance was stopped and goes on from its last checkpoint when it is run again.",
    {
      instance,
      stoppedAt: z.strictObject({ done: amount(), total: amount(), unit: z.string() })
        .describe("How far it was; absent if it had said nothing yet.").optional(),
      hasCheckpoint: z.boolean().describe("Without one it begins again.").optional(),
      leftTo: z.string()
        .describe("A command by which others start it; the next run looks how it ended.")
        .optional(),
      stoppingMs: amount(
        "From the signal to the end of the process: the micro-batch in progress and the writing of a checkpoint.",
      ).optional(),
    },
  ),
  event("stopping", "The run was asked to stop.", { signal: z.string(), running: instances }),
  event("summary", "The last event: how the run ended, instances by fate.", {
    durationMs: amount(),
    ...runResult,
  }),
]);
