/** Opens two graphs of operators that no GPU has kernels for, for their place in the runtime's log. */
import { Session } from "../../engine/onnxruntime/session.ts";

const device = { hostOutputs: new Set<string>(), isExclusive: false, isLogged: true };
for (const ops of [["Neg", "LogSoftmax", "LogSoftmax", "Exp"], ["LogSoftmax"]]) {
  const value = (i: number) => ({ name: `v${i}`, elementType: "float32", shape: [2, 4] }) as const;
  const graph = {
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
  };
  await Session.open(graph, { threads: 1, purpose: "placement", device });
}
console.log("2 graphs");
