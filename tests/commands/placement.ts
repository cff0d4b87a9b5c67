/** Opens two graphs of operators that no GPU has kernels for, for their place in the runtime's log. */
import { logPlacement } from "../../engine/onnxruntime/device_placement.ts";

for (const ops of [["Neg", "LogSoftmax", "LogSoftmax", "Exp"], ["LogSoftmax"]]) {
  const value = (i: number) => ({ name: `v${i}`, elementType: "float32", shape: [2, 4] }) as const;
  await logPlacement({
    inputs: [value(0)],
    outputs: [value(ops.length)],
    initializers: [],
    nodes: ops.map((op, i) => ({
      name: `body/${op}#${i}`,
      op,
      domain: "",
      inputs: [`v${i}`],
      outputs: [`v${i + 1}`],
      attributes: {},
    })),
  });
}
console.log("2 graphs");
