/**
 * The import graph in `docs/architecture.md` is what the code imports. With DEPT_UPDATE_GOLDEN=1 it is written again.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Edge, edgesFrom, modulesUnder } from "./support/imports.ts";
import { projectRoot } from "./support/paths.ts";

const command = "DEPT_UPDATE_GOLDEN=1 deno test -A --no-check tests/architecture_test.ts";
const [begin, end] = ["<!-- import graph: begin -->", "<!-- import graph: end -->"];

/** From the ground floor up. */
const rooms = [
  "base",
  "pipeline",
  "datasets",
  "tokenizers",
  "model",
  "engine",
  "exchange",
  "training",
  "stages",
  "commands",
  "bench",
];

Deno.test(`docs/architecture.md shows the import graph of the code; else run ${command}`, () => {
  const file = join(projectRoot, "docs/architecture.md");
  const text = Deno.readTextFileSync(file);
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  assert.ok(from >= begin.length && to >= from, `expected "${begin}" and "${end}" in ${file}`);
  const made = `${text.slice(0, from)}\n\n${importGraph()}\n${text.slice(to)}`;
  if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(file, made);
  else assert.equal(text, made, `Run ${command}`);
});

/** Rooms and what they import, as a Mermaid picture and as a table. */
function importGraph(): string {
  const imports = new Map(rooms.map((room) => [room, importsOf(room)]));
  const arrows = rooms.flatMap((room) =>
    imports.get(room)!.rooms.map((other) => `  ${room} --> ${other}`)
  );
  const rows = rooms.map((room) => {
    const { rooms, packages } = imports.get(room)!;
    return `| \`${room}/\` | ${rooms.join(", ") || "–"} | ${packages.join(", ") || "–"} |`;
  });
  return [
    "```mermaid",
    "flowchart BT",
    ...arrows,
    "```",
    "",
    "| room | imports | packages |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** The rooms and the packages that a room imports, itself left out. */
function importsOf(room: string) {
  const edges = modulesUnder(room).flatMap(edgesFrom);
  const found = new Set(edges.map(({ to }) => to.split("/")[0]));
  return {
    rooms: rooms.filter((other) => other !== room && found.has(other)),
    packages: [...new Set(edges.flatMap(packageOf))].sort(),
  };
}

function packageOf({ to }: Edge): string[] {
  if (to.startsWith("node:") || /\.(ts|json|ptx)$/.test(to)) return [];
  const parts = to.replace(/^npm:/, "").split("/");
  return [parts.slice(0, to.startsWith("@") ? 2 : 1).join("/")];
}
