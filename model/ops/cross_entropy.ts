/**
 * The negative log likelihood of one class a row.
 *
 * CrossEntropy (dept)           (logits [N, V], targets int32 [N]) →
 *     nll            [N]      logΣexp(logits[n, :]) − logits[n, targets[n]], in nats; exact where the target's
 *                             probability underflows, so not the logarithm of a probability
 *     probabilities  [N, V]   softmax of each row: the one large tensor that is kept for the gradient
 * CrossEntropyGradient (dept)   (probabilities [N, V], targets int32 [N], dNll [N]) → dLogits [N, V]:
 *     dLogits[n, v] = dNll[n]·(probabilities[n, v] − [v = targets[n]])
 *
 * A target is in [0, V), also where its row weighs nothing. An engine may compute the gradient in place, as a row scale
 * and one subtraction a row.
 */
import type { Operator } from "../operator.ts";
import { float32 } from "../shapes.ts";
import { expectFloat, expectIds, expectInputs, expectShape } from "./rules.ts";
import { softmax } from "./softmax.ts";
import { logSumExp, matrixOf } from "./tensor.ts";

export const crossEntropy: Operator = {
  name: "CrossEntropy",
  domain: "dept",
  evaluate: ([logits, targets], outputs, attributes) => {
    const { rows, width } = matrixOf(logits);
    const logs = logSumExp(logits);
    const nll = new Float64Array(rows);
    for (let n = 0; n < rows; n++) nll[n] = logs[n] - logits.data[n * width + targets.data[n]];
    const [probabilities] = softmax.evaluate([logits], outputs, attributes);
    return [nll, probabilities];
  },
  infer(inputs) {
    expectInputs(inputs, 2);
    const [logits, targets] = inputs;
    expectFloat(logits, "the logits", 2);
    expectIds(targets, "the targets", 1);
    expectShape(targets, "the targets", [logits.shape[0]]);
    return [float32([logits.shape[0]]), logits];
  },
  gradient({ inputs: [, targets], outputs: [, probabilities] }, [dNll, dProbabilities], writer) {
    if (dProbabilities !== undefined) {
      throw new RangeError("expected a loss that uses nll only, found one that uses probabilities");
    }
    return [writer.apply(crossEntropyGradient, [probabilities, targets, dNll!]), undefined];
  },
};

export const crossEntropyGradient: Operator = {
  name: "CrossEntropyGradient",
  domain: "dept",
  evaluate: ([probabilities, targets, dNll]) => {
    const { rows, width } = matrixOf(probabilities);
    const dLogits = new Float64Array(probabilities.data.length);
    for (let n = 0; n < rows; n++) {
      for (let v = 0, at = n * width; v < width; v++, at++) {
        dLogits[at] = dNll.data[n] * (probabilities.data[at] - (v === targets.data[n] ? 1 : 0));
      }
    }
    return [dLogits];
  },
  infer(inputs) {
    expectInputs(inputs, 3);
    const [probabilities, targets, dNll] = inputs;
    expectFloat(probabilities, "the probabilities", 2);
    expectIds(targets, "the targets", 1);
    expectShape(targets, "the targets", [probabilities.shape[0]]);
    expectFloat(dNll, "the gradient of nll", 1);
    expectShape(dNll, "the gradient of nll", [probabilities.shape[0]]);
    return [probabilities];
  },
};
