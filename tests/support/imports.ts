/**
 * What the modules of a folder import, read from their text.
 */
import { basename, dirname, join, relative } from "node:path";
import { projectRoot } from "./paths.ts";

/** One import. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  /** What is imported by name; undefined for everything. */
  readonly names?: readonly string[];
}

/** Whether a path is of AssemblyScript, which is a program of its own. */
export function isAssembly(path: string): boolean {
  return basename(dirname(path)) === "assembly";
}

/** The modules under a folder of the project, sorted. */
export function modulesUnder(folder: string): string[] {
  const entries = [...Deno.readDirSync(join(projectRoot, folder))];
  return entries.sort((a, b) => a.name < b.name ? -1 : 1).flatMap(({ name, isDirectory }) => {
    if (isDirectory) return modulesUnder(`${folder}/${name}`);
    return name.endsWith(".ts") ? [`${folder}/${name}`] : [];
  });
}

/** A module without its comments, which may hold examples. */
export function codeOf(module: string): string {
  return Deno.readTextFileSync(join(projectRoot, module))
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
}

/** What a module imports, statically or not, by path from the root or as written for packages. */
export function edgesFrom(from: string): Edge[] {
  const code = codeOf(from);
  const edges: Edge[] = [];
  const add = (specifier: string, names?: string[]) => {
    // AssemblyScript leaves ".ts" out.
    const file = isAssembly(from) ? `${specifier}.ts` : specifier;
    const to = specifier.startsWith(".")
      ? relative(projectRoot, join(projectRoot, dirname(from), file))
      : specifier;
    edges.push({ from, to, names });
  };
  const statements = /^(?:import|export)\s+(?:type\s)?([^;"]*?)\s*from\s*"([^"\n]+)"/gm;
  for (const [, what, specifier] of code.matchAll(statements)) {
    const listed = /^\{([^}]*)\}$/.exec(what)?.[1].split(",")
      .map((name) => name.trim()).filter((name) => name !== "");
    const names = listed?.map((name) => name.replace(/^type /, "").split(" ")[0]);
    add(specifier, names);
  }
  for (const [, specifier] of code.matchAll(/\bimport\s*\(?\s*"([^"$\n]+)"/g)) add(specifier);
  return edges;
}
