/**
 * A graph as SVG: columns by depth, rows ordered so that edges cross little, edges as curves. Words and numbers only: the
 * same graph gives the same bytes.
 */
import type { Graph, GraphNode } from "./graph.ts";

const [rowHeight, boxHeight, columnGap, margin, letterWidth, padding] = [28, 20, 90, 16, 6.6, 8];

const colours = {
  fresh: { fill: "#dcefdc", stroke: "#4a7f4a" },
  run: { fill: "#fbe3c4", stroke: "#a8681a" },
  waiting: { fill: "#eeeeee", stroke: "#888888" },
} as const;

interface Box {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Draws a graph with a legend. */
export function drawSvg(graph: Graph): string {
  const columns = ordered(layers(graph), graph);
  const boxes = place(columns);
  const all = [...boxes.values()];
  const width = Math.max(...all.map(({ x, width }) => x + width)) + margin;
  const height = Math.max(...all.map(({ y }) => y)) + boxHeight + margin;
  const edges = graph.flatMap(({ id, needs }) =>
    needs.map((needed) => edge(boxes.get(needed)!, boxes.get(id)!))
  );
  const counts = (["fresh", "run", "waiting"] as const)
    .map((state) => `${graph.filter((node) => node.state === state).length} ${state}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="system-ui, sans-serif" font-size="11" role="img">`,
    `<title>${counts.join(", ")}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<g fill="none" stroke="#b5b5b5">`,
    ...edges,
    "</g>",
    ...all.map(draw),
    "</svg>",
  ].join("\n");
}

/** Nodes by depth: one more than the deepest of what a node needs. */
function layers(graph: Graph): GraphNode[][] {
  const depth = new Map<string, number>();
  const columns: GraphNode[][] = [];
  for (const node of graph) {
    const at = Math.max(-1, ...node.needs.map((needed) => depth.get(needed)!)) + 1;
    depth.set(node.id, at);
    (columns[at] ??= []).push(node);
  }
  return columns;
}

/**
 * Each column sorted by the mean row of its neighbours, forth and back.
 * Source: Sugiyama, Tagawa, Toda 1981 (barycentre ordering).
 */
function ordered(columns: readonly GraphNode[][], graph: Graph): GraphNode[][] {
  const neededBy = new Map<string, string[]>(graph.map(({ id }) => [id, []]));
  for (const { id, needs } of graph) for (const needed of needs) neededBy.get(needed)!.push(id);
  let sorted = columns.map((column) => [...column]);
  for (let pass = 0; pass < 4; pass++) {
    const rows = new Map<string, number>();
    for (const column of sorted) {
      column.forEach(({ id }, row) => rows.set(id, (row + 0.5) / column.length));
    }
    sorted = sorted.map((column) => {
      const key = new Map(column.map((node) => {
        const neighbours = pass % 2 === 0 ? node.needs : neededBy.get(node.id)!;
        const at = neighbours.map((id) => rows.get(id)!);
        const own = rows.get(node.id)!;
        return [node, at.length === 0 ? own : at.reduce((a, b) => a + b) / at.length];
      }));
      // A tie keeps the order of the plan.
      return column.sort((a, b) => key.get(a)! - key.get(b)!);
    });
  }
  return sorted;
}

function place(columns: readonly GraphNode[][]): Map<string, Box> {
  const tallest = Math.max(...columns.map((column) => column.length));
  const boxes = new Map<string, Box>();
  let x = margin;
  for (const column of columns) {
    const width = Math.max(
      ...column.map((node) => label(node).length * letterWidth + 2 * padding),
    );
    const top = margin + (tallest - column.length) * rowHeight / 2;
    column.forEach((node, row) => {
      boxes.set(node.id, {
        node,
        x: round(x),
        y: round(top + row * rowHeight),
        width: round(width),
      });
    });
    x += width + columnGap;
  }
  return boxes;
}

function edge(from: Box, to: Box): string {
  const [x1, y1] = [round(from.x + from.width), from.y + boxHeight / 2];
  const [x2, y2] = [to.x, to.y + boxHeight / 2];
  const bend = round(Math.max(30, (x2 - x1) / 2));
  return `<path d="M${x1} ${y1}C${round(x1 + bend)} ${y1} ${round(x2 - bend)} ${y2} ${x2} ${y2}"/>`;
}

function draw({ node, x, y, width }: Box): string {
  const { fill, stroke } = colours[node.state];
  const text = escaped(label(node));
  return `<g><title>${escaped(node.id)}: ${node.state}</title>` +
    `<rect x="${x}" y="${y}" width="${width}" height="${boxHeight}" rx="4" fill="${fill}" stroke="${stroke}"/>` +
    `<text x="${round(x + padding)}" y="${round(y + boxHeight * 0.7)}">${text}</text></g>`;
}

function label({ id, note = "" }: GraphNode): string {
  return `${id} ${note}`.trimEnd();
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);
}
