import assert from "node:assert/strict";
import { drawSvg } from "../../commands/graph_svg.ts";
import type { Graph } from "../../commands/graph_text.ts";

/** Three chains that end in one node, each node with edges past all columns between. */
const graph: Graph = [
  ...["a", "b", "c"].flatMap((chain) =>
    Array.from({ length: 5 }, (_, i) => ({
      id: `${chain}/${"long".repeat(i % 3)}${i}`,
      needs: Array.from({ length: i }, (_, j) => `${chain}/${"long".repeat(j % 3)}${j}`),
      state: "run" as const,
    }))
  ),
  { id: "end <&>", needs: ["a/0", "b/long4", "c/long1"], state: "waiting", note: "×3" },
];

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function boxesOf(svg: string): Box[] {
  const form = /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g;
  return [...svg.matchAll(form)].map((found) => {
    const [x, y, width, height] = found.slice(1).map(Number);
    return { x, y, width, height };
  });
}

/** Points along each edge, close together. */
function edgesOf(svg: string): [number, number][][] {
  return [...svg.matchAll(/<path d="(M[^"]+)" marker-end/g)].map(([, path]) => {
    const points: [number, number][] = [];
    let [x, y] = [0, 0];
    for (const [, letter, rest] of path.matchAll(/([MHC])([^MHC]*)/g)) {
      const n = rest.trim().split(/\s+/).map(Number);
      const [x1, y1, x2, y2, x3, y3] = letter === "C" ? n : [x, y, n[0], y, n[0], n[1] ?? y];
      for (let i = 0; letter !== "M" && i <= 50; i++) {
        const [t, u] = [i / 50, 1 - i / 50];
        const at = (a: number, b: number, c: number, d: number) =>
          u ** 3 * a + 3 * u * u * t * b + 3 * u * t * t * c + t ** 3 * d;
        points.push([at(x, x1, x2, x3), at(y, y1, y2, y3)]);
      }
      [x, y] = [x3, y3];
    }
    return points;
  });
}

Deno.test("drawSvg() draws every edge with an arrowhead, from box to box and behind none", () => {
  const svg = drawSvg(graph);
  const [boxes, edges] = [boxesOf(svg), edgesOf(svg)];
  assert.equal(boxes.length, graph.length);
  assert.equal(edges.length, graph.reduce((sum, { needs }) => sum + needs.length, 0));
  assert.match(svg, /<marker id="arrow"/);
  const isInside = ([px, py]: [number, number], { x, y, width, height }: Box) =>
    px > x + 0.2 && px < x + width - 0.2 && py > y && py < y + height;
  for (const edge of edges) {
    assert.deepEqual(edge.filter((point) => boxes.some((box) => isInside(point, box))), []);
    const [[x1, y1], [x2, y2]] = [edge[0], edge.at(-1)!];
    const touches = (x: number, y: number) =>
      boxes.some((box) => Math.abs(x - box.x) < 0.2 && Math.abs(y - box.y - box.height / 2) < 0.2);
    assert.ok(touches(x2, y2) && x1 < x2 && Number.isFinite(y1), "it ends at the left of a box");
  }
});

Deno.test("drawSvg() escapes names and draws the same bytes again", () => {
  assert.match(drawSvg(graph), />end &#60;&#38;&#62; ×3</);
  assert.equal(drawSvg(graph), drawSvg(graph));
});
