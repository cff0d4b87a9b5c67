/**
 * A copy of the project that a test may edit.
 */
import { dirname, join, relative } from "node:path";
import { projectRoot } from "./paths.ts";

/** Copies what the pipeline is made of into `folder`. */
export function copyProject(folder: string): void {
  const rooms = [
    "base",
    "commands",
    "pipeline",
    "stages",
    "datasets",
    "tokenizers",
    "model",
    "engine",
    "exchange",
    "training",
    "tests/support",
  ];
  for (const room of rooms) copyFolder(join(projectRoot, room), join(folder, room));
  for (const file of ["deno.json", "deno.lock"]) {
    Deno.copyFileSync(join(projectRoot, file), join(folder, file));
  }
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const entry of Deno.readDirSync(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) copyFolder(source, target);
    else if (entry.isFile) Deno.copyFileSync(source, target);
  }
}

/** Replaces text in a file, which must hold it. */
export function edit(path: string, from: string | RegExp, to: string): void {
  const before = Deno.readTextFileSync(path);
  const after = before.replace(from, to);
  if (after === before) throw new Error(`Cannot edit ${path}: expected ${from} in it`);
  Deno.writeTextFileSync(path, after);
}

/** Moves a module of a copy, and mends what names it: imports and addresses, in it and in all others. */
export function moveModule(root: string, from: string, to: string): void {
  const [source, target] = [join(root, from), join(root, to)];
  const specifiers = /"(\.{1,2}\/[^"\n]*\.ts)"/g;
  for (const path of modulesIn(root)) {
    const text = Deno.readTextFileSync(path);
    const place = path === source ? target : path;
    const mended = text.replace(specifiers, (whole, specifier) => {
      const named = join(dirname(path), specifier);
      if (path !== source && named !== source) return whole;
      const way = relative(dirname(place), named === source ? target : named);
      return JSON.stringify(way.startsWith(".") ? way : `./${way}`);
    });
    if (mended !== text) Deno.writeTextFileSync(path, mended);
  }
  Deno.mkdirSync(dirname(target), { recursive: true });
  Deno.renameSync(source, target);
}

function modulesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? modulesIn(path) : name.endsWith(".ts") ? [path] : [];
  });
}
