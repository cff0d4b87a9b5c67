/**
 * What is noted of a participant's local training: losses, bytes that travelled and were held.
 */
import type { JsonObject, Tensors } from "./checkpoint.ts";
import type { OptimizerTensors } from "./optimizer_state.ts";
import { sharedPart } from "./source.ts";
import type { StepRecord } from "./trainer.ts";
import type { Variant } from "./variant.ts";

/** The steps of a participant as a row of metrics. */
export function recordRow(record: StepRecord): JsonObject {
  return {
    step: record.step,
    steps: record.steps,
    lossNatsFirst: record.firstLossNats,
    lossNatsLast: record.lastLossNats,
    lossNatsMean: record.steps === 0 ? null : record.lossNatsSum / record.steps,
    gradientNormMean: record.steps === 0 ? null : record.gradientNormSum / record.steps,
    gradientNormMax: record.gradientNormMax,
    ...(record.guard?.events.length ? { leftOut: [...record.guard.events] } : {}),
  };
}

/**
 * Bytes of the arrays that were sent and returned (a mixture sends none), and of those that training held: parameters, their
 * gradients, and Adam's moments. Activations and other memory of an engine are not counted.
 */
export function trafficRow(
  variant: Variant,
  { sent, result, moments, sentMoments, returnedMoments }: {
    readonly sent: Tensors;
    readonly result: Tensors;
    readonly moments: Tensors;
    /** Adam's state, where it travels. */
    readonly sentMoments?: OptimizerTensors;
    readonly returnedMoments?: OptimizerTensors;
  },
): JsonObject {
  const heldBytes = 2 * bytesOf(result) + bytesOf(moments);
  if (variant.mixture) return { heldBytes };
  const shared = (tensors: Tensors | undefined) => bytesOf(sharedPart(variant, tensors ?? {}));
  return {
    heldBytes,
    sentBytes: shared(sent) + shared(sentMoments?.moments),
    returnedBytes: shared(result) + shared(returnedMoments?.moments),
  };
}

function bytesOf(tensors: Tensors): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}
