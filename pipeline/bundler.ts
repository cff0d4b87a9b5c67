/**
 * Modules with all that they reach, each as one text that tells two states of the code apart and no two places of its files.
 *
 * What a static import leads to is in the text, as far as it is used. A module that is loaded otherwise is a bundle of its
 * own, and a mark stands for it: `import("./a.ts")`, and the address of a thread or process that it starts, written as
 * `import.meta.resolve("./a.ts")` or `new URL("./a.ts", import.meta.url)`. So no path of a file gets into the text.
 * These bundles are digested, never run: see `program.ts`.
 */
import { devNull } from "node:os";
import { relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { digestParts } from "./bundle_parts.ts";
import {
  bundleOptions,
  type CodeEntry,
  entryInput,
  inUsersWords,
  isCodeFile,
  type LoadingRules,
  modulePath,
  projectModules,
} from "./code_modules.ts";
import type { CodeTexts } from "./code_texts.ts";
import { packageOf } from "./packages.ts";

export type Esbuild = typeof import("esbuild");
type Metafile = import("esbuild").Metafile;

export interface Bundle {
  /** Pieces of the text; between two of them stands a reference. */
  readonly text: readonly string[];
  /** The modules that marks stand for, one fewer than pieces. */
  readonly references: readonly CodeEntry[];
  /** Packages that it imports, by bare name. */
  readonly packages: readonly string[];
  /** Digest of what each module has in the text, by path from the root. */
  readonly parts: Readonly<Record<string, string>>;
  /** All files that were read, by path from the root. */
  readonly files: readonly string[];
}

/** Pipes to a process take six. */
const neededDescriptors = 8;

/** The bundler, which starts a process. @throws Error of the system when too many files are open: esbuild would not say so. */
export async function loadEsbuild(): Promise<Esbuild> {
  const opened: Deno.FsFile[] = [];
  try {
    while (opened.length < neededDescriptors) opened.push(Deno.openSync(devNull));
  } finally {
    for (const file of opened) file.close();
  }
  return await import("esbuild");
}

const mark = /"(import|resolve|url)-of-its-own:([^"]+)"/;

/** What is loaded otherwise is a bundle of its own: a mark stands for it. */
const marks: LoadingRules = {
  address: (form, path) => `import("${form}-of-its-own:${pathToFileURL(path).href}")`,
  lateImport: (path) => `import-of-its-own:${pathToFileURL(path).href}`,
};

export function entryName({ module, exports }: CodeEntry): string {
  return `${exports} ${module}`;
}

/**
 * The bundles of entries of a project, and of all that these refer to, by name of the entry.
 *
 * @param root absolute
 * @throws Error when a module does not parse, an import does not resolve, or code asks where it lies.
 */
export async function bundleAll(
  esbuild: Esbuild,
  root: string,
  entries: readonly CodeEntry[],
  texts: CodeTexts,
): Promise<ReadonlyMap<string, Bundle>> {
  const bundles = new Map<string, Bundle>();
  for (let missing = entries; missing.length > 0;) {
    const made = await bundleThese(esbuild, root, missing, texts);
    made.forEach((bundle, i) => bundles.set(entryName(missing[i]), bundle));
    const referred = made.flatMap(({ references }) => references);
    const unique = new Map(referred.map((entry) => [entryName(entry), entry]));
    missing = [...unique.values()].filter((entry) => !bundles.has(entryName(entry)));
  }
  return bundles;
}

/** The bundles of entries, in their order. */
async function bundleThese(
  esbuild: Esbuild,
  root: string,
  entries: readonly CodeEntry[],
  texts: CodeTexts,
): Promise<readonly Bundle[]> {
  const isCode = ({ module }: CodeEntry) => isCodeFile(module);
  const { outputFiles, metafile } = await esbuild.build({
    entryPoints: entries.filter(isCode).map((entry) => ({
      in: entryInput(entry),
      out: `${entries.indexOf(entry)}`,
    })),
    ...bundleOptions,
    absWorkingDir: root,
    metafile: true,
    sourcemap: "external",
    outdir: "bundles",
    minifyWhitespace: true,
    plugins: [projectModules(texts, marks)],
  }).catch((cause: Error) => {
    throw new Error(`Cannot bundle code: ${inUsersWords(cause.message, root)}`, { cause });
  });
  const made = new Map(outputFiles.map(({ path, text }) => [relative(root, path), text]));
  return entries.map((entry, i): Bundle => {
    if (!isCode(entry)) return bundleOfFile(root, fileURLToPath(entry.module), texts);
    const name = `bundles/${i}.js`;
    const [code, map] = [made.get(name)!, JSON.parse(made.get(`${name}.map`)!)];
    refuseOwnAddress(relative(root, fileURLToPath(entry.module)), code);
    const pathOf = (input: string) => relative(root, modulePath(input)!);
    const pieces = code.split(new RegExp(mark, "g")); // text, kind, URL, text, …
    const packages = [
      ...metafile.outputs[name].imports.map(({ path }) => path).filter((path) =>
        !mark.test(`"${path}"`)
      ),
      ...[...code.matchAll(/\bimport\.meta\.resolve\("([^"]+)"\)/g)].map(([, name]) => name),
    ];
    return {
      text: pieces.flatMap((piece, at) => at % 3 === 0 ? [`${piece}${pieces[at + 1] ?? ""}`] : []),
      references: pieces.filter((_, at) => at % 3 === 2)
        .map((module) => ({ module, exports: "all" })),
      packages: [...new Set(packages.map(packageOf).filter((name) => name !== undefined))],
      parts: digestParts(code, { sources: map.sources.map(pathOf), mappings: map.mappings }),
      files: inputsFrom(metafile, entryInput(entry)).map(pathOf),
    };
  });
}

/** A file that is no code stands for itself. */
function bundleOfFile(root: string, path: string, texts: CodeTexts): Bundle {
  const { digest } = texts.of(path);
  const own = relative(root, path);
  return { text: [digest], references: [], packages: [], parts: { [own]: digest }, files: [own] };
}

/** @throws Error for code whose work may depend on the place of its file, or on a module that no text names. */
function refuseOwnAddress(module: string, code: string): void {
  const asked = /"import\.meta\.\w+"|\bimport\.meta\.resolve\((?!")/.exec(code);
  if (asked === null) return;
  throw new Error(
    `Cannot bundle "${module}": expected modules at literal addresses, as import.meta.resolve("./a.ts"), ` +
      `found ${code.slice(Math.max(0, asked.index - 60), asked.index + 60)}`,
  );
}

/** What esbuild has read for an input, used or not. */
function inputsFrom({ inputs }: Metafile, first: string): readonly string[] {
  const found = new Set([first]);
  for (const input of found) { // which grows
    for (const { path, external } of inputs[input].imports) if (!external) found.add(path);
  }
  return [...found].filter((input) => modulePath(input) !== undefined);
}
