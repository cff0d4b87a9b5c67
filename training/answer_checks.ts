/**
 * What an answer must be before it is summed: whoever gave it may run other code, or mean no good.
 */
import { StageError } from "../base/mod.ts";
import type { NamedTensor, StoredTensors } from "./checkpoint.ts";

type Shaped = Readonly<Record<string, Pick<NamedTensor, "shape">>>;

/**
 * Checks that a result has the tensors that were sent, of their shapes, and no others.
 * @param sent The parameters that the participant began with. @throws StageError which names the first that differs
 */
export function checkResult(sent: Shaped, { shapes }: StoredTensors): void {
  const textOf = (shape?: readonly number[]) => shape ? `shape [${shape.join(", ")}]` : "none";
  for (const name of [...new Set([...Object.keys(sent), ...Object.keys(shapes)])].sort()) {
    const expected = textOf(Object.hasOwn(sent, name) ? sent[name].shape : undefined);
    const found = textOf(Object.hasOwn(shapes, name) ? shapes[name] : undefined);
    if (expected === found) continue;
    throw new StageError(`expected ${expected} of "${name}", found ${found}`);
  }
}
