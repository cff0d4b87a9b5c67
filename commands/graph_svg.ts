/**
 * A graph as SVG: a column for each step from what is needed to what needs it, every edge around the boxes between. Words and
 * numbers only: the same graph gives the same bytes.
 */
import { graphlib, layout } from "@dagrejs/dagre";
import { type Graph, type GraphNode, label, stateColours } from "./graph_text.ts";

const [boxHeight, columnGap, margin, letterWidth, padding, arrowLength] = [20, 90, 16, 6.6, 8, 6];

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Draws a graph, its states as colours. */
export function drawSvg(graph: Graph): string {
  const { boxes, edges, width, height } = placed(graph);
  const counts = (["fresh", "run", "waiting"] as const)
    .map((state) => `${graph.filter((node) => node.state === state).length} ${state}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="system-ui, sans-serif" font-size="11" role="img">`,
    `<title>${counts.join(", ")}</title>`,
    `<marker id="arrow" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto">` +
    `<polygon points="0,0 6,3 0,6" fill="#8a8a8a"/></marker>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<g fill="none" stroke="#b5b5b5">`,
    ...edges.map((path) => `<path d="${path}" marker-end="url(#arrow)"/>`),
    "</g>",
    ...graph.map((node) => drawBox(node, boxes.get(node.id)!)),
    "</svg>",
  ].join("\n");
}

/** Where boxes and edges lie. Source: Gansner et al. 1993, as dagre has it. */
function placed(graph: Graph) {
  const drawing = new graphlib.Graph()
    .setGraph({
      rankdir: "LR",
      ranksep: columnGap,
      nodesep: 8,
      edgesep: 5,
      marginx: margin,
      marginy: margin,
    })
    .setDefaultEdgeLabel(() => ({}));
  for (const node of graph) {
    const width = Math.ceil(label(node).length * letterWidth + 2 * padding);
    drawing.setNode(node.id, { width, height: boxHeight });
  }
  for (const { id, needs } of graph) for (const needed of needs) drawing.setEdge(needed, id);
  layout(drawing);
  const boxes = new Map(graph.map(({ id }) => [id, drawing.node(id) as Box]));
  /** Half of the width of each column, by its middle. */
  const columns = new Map<number, number>();
  for (const { x, width } of boxes.values()) {
    columns.set(x, Math.max(columns.get(x) ?? 0, width / 2));
  }
  const edges = graph.flatMap(({ id, needs }) =>
    needs.map((needed) =>
      edgePath(boxes.get(needed)!, boxes.get(id)!, drawing.edge(needed, id).points, columns)
    )
  );
  const { width, height } = drawing.graph();
  return { boxes, edges, width: Math.ceil(width!), height: Math.ceil(height!) };
}

/** Level through the columns, where boxes are, and bent between them. */
function edgePath(
  from: Box,
  to: Box,
  points: readonly { readonly x: number; readonly y: number }[],
  columns: ReadonlyMap<number, number>,
): string {
  const through = points.slice(1, -1).filter(({ x }) => columns.has(x));
  let [x, y] = [from.x + columns.get(from.x)!, from.y];
  const parts = [`M${round(from.x + from.width / 2)} ${round(y)}H${round(x)}`];
  for (const next of [...through, to]) {
    const half = columns.get(next.x)!;
    const left = next.x - half - arrowLength;
    const middle = round((x + left) / 2);
    parts.push(`C${middle} ${round(y)} ${middle} ${round(next.y)} ${round(left)} ${round(next.y)}`);
    x = next === to ? to.x - to.width / 2 : next.x + half;
    parts.push(`H${round(x)}`);
    y = next.y;
  }
  return parts.join("");
}

function drawBox(node: GraphNode, { x, y, width }: Box): string {
  const { fill, stroke } = stateColours[node.state];
  const [left, top] = [x - width / 2, y - boxHeight / 2];
  return `<g><title>${escaped(node.id)}: ${node.state}</title>` +
    `<rect x="${round(left)}" y="${round(top)}" width="${width}" height="${boxHeight}" rx="4" ` +
    `fill="${fill}" stroke="${stroke}"/>` +
    `<text x="${round(left + padding)}" y="${round(y + 4)}">${escaped(label(node))}</text></g>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);
}
