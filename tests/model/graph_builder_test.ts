import assert from "node:assert/strict";
import { differentiate, float32, GraphBuilder, int32, operators } from "../../model/mod.ts";

Deno.test("GraphBuilder says operator, scope, expected and found", () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([2, 3]));
  builder.within("body.block.3.attn", () => {
    assert.throws(() => builder.apply(operators.Reshape, [x], { shape: [5] }), {
      name: "RangeError",
      message:
        "Cannot build Reshape in body.block.3.attn: expected a shape of 6 elements, as [2, 3] has, found [5]",
    });
    assert.throws(
      () => builder.apply(operators.Exp, ["y"]),
      /Cannot use value "y" in body\.block\.3\.attn/,
    );
    assert.throws(() => builder.constant([1], float32([2])), /expected 2 elements .* found 1/);
  });
  assert.throws(() => builder.parameter("x", [1]), /"x" .* expected a name that is free/);
  assert.throws(() => builder.parameter("w", [0]), /expected lengths of 1 or more, found \[0\]/);
});

Deno.test("GraphBuilder leaves the outer scope after an error", () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([1]));
  assert.throws(() =>
    builder.within("inner", () => {
      throw new Error("stop");
    })
  );
  builder.within("outer", () => builder.apply(operators.Exp, [x]));
  const y = builder.apply(operators.Exp, [x]);
  const graph = builder.build({ y });
  assert.deepEqual(graph.nodes.map(({ scope }) => scope), [""]);
});

Deno.test("GraphBuilder keeps a small constant once, and tells types apart", () => {
  const builder = new GraphBuilder();
  const half = builder.constant([0.5], float32([]));
  assert.equal(builder.constant([0.5], float32([])), half);
  assert.notEqual(builder.constant([0.5], float32([1])), half);
  assert.notEqual(builder.constant([1], int32([])), builder.constant([1], float32([])));
});

Deno.test("build() leaves out nodes and constants that nothing needs", () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([2]));
  const y = builder.apply(operators.Exp, [x]);
  const unused = builder.apply(operators.Mul, [y, builder.constant([2], float32([]))]);
  const graph = builder.build({ y });
  assert.deepEqual(graph.nodes.map(({ operator }) => operator.name), ["Exp"]);
  assert.deepEqual(graph.constants, {});
  assert.ok(!(unused in graph.types));
});

Deno.test("differentiate() adds gradients of the last use first and names them by parameter", () => {
  const builder = new GraphBuilder();
  const x = builder.parameter("x", []);
  const other = builder.parameter("other", []);
  const square = builder.apply(operators.Mul, [x, x]);
  const loss = builder.apply(operators.Mul, [builder.apply(operators.Exp, [square]), other]);
  const graph = builder.build({ loss });

  const training = differentiate(graph);
  assert.deepEqual(Object.keys(training.gradients), ["x", "other"]);
  const producer = training.nodes.find(({ outputs }) => outputs[0] === training.gradients.x);
  assert.equal(producer?.operator.name, "Add"); // x is used twice by one node

  const only = differentiate(graph, "loss", ["other"]);
  assert.deepEqual(Object.keys(only.gradients), ["other"]);
  // d loss / d other = exp(x²), which is there already: one product with the gradient 1 is all that is added.
  assert.equal(only.nodes.length, graph.nodes.length + 1);
});

Deno.test("differentiate() refuses what it cannot do", () => {
  const builder = new GraphBuilder();
  const x = builder.parameter("x", [2]);
  builder.parameter("idle", [2]);
  const vector = builder.apply(operators.Exp, [x]);
  const gradient = builder.within(
    "odd",
    () => builder.apply(operators.GeluGradient, [vector, vector]),
  );
  const sum = (value: string) =>
    builder.apply(operators.ReduceSum, [value], { axes: [0], keepdims: 0 });
  const graph = builder.build({ vector, loss: sum(vector), odd: sum(gradient) });
  assert.throws(
    () => differentiate(graph, "los"),
    /output "los": expected one of vector, loss, odd/,
  );
  assert.throws(() => differentiate(graph, "vector"), /expected a scalar, found shape \[2\]/);
  assert.throws(() => differentiate(graph, "loss", ["y"]), /no parameter has that name/);
  assert.throws(
    () => differentiate(graph, "loss"),
    /respect to idle: expected a parameter that it uses/,
  );
  assert.throws(() => differentiate(graph, "odd", ["x"]), /differentiate GeluGradient in odd/);
});

Deno.test("differentiate() refuses a loss that uses what an operator keeps for its gradient", () => {
  const builder = new GraphBuilder();
  const x = builder.parameter("x", [2, 3]);
  const scale = builder.constant([1, 1, 1], float32([3]));
  const [, mean] = builder.within(
    "body.norm_final",
    () => builder.applyAll(operators.LayerNormalization, [x, scale]),
  );
  const loss = builder.apply(operators.ReduceSum, [mean], { axes: [0, 1], keepdims: 0 });
  assert.throws(
    () => differentiate(builder.build({ loss })),
    /Cannot differentiate LayerNormalization in body\.norm_final: expected a loss that uses Y only/,
  );
});
