/**
 * Modules with all that they reach, each as one text that tells two states of the code apart and no two places of its files.
 *
 * What a static import leads to is in the text, as far as it is used. A module that is loaded otherwise is a bundle of its
 * own, and a mark stands for it: `import("./a.ts")`, and the address of a thread or process that it starts, written as
 * `import.meta.resolve("./a.ts")` or `new URL("./a.ts", import.meta.url)`. So no path of a file gets into the text.
 */
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { digestParts } from "./bundle_parts.ts";
import { digestOfFile } from "./file_digests.ts";
import { packageOf } from "./packages.ts";

type Esbuild = typeof import("esbuild");
type Metafile = import("esbuild").Metafile;

/** What of a module counts: the `run` of a stage, or all that it exports and does when it is loaded. */
export interface CodeEntry {
  /** URL of the module; of what code refers to, also of another file. */
  readonly module: string;
  readonly exports: "run" | "all";
}

export interface Bundle {
  /** Pieces of the text; between two of them stands a reference. */
  readonly text: readonly string[];
  /** The modules that marks stand for, one fewer than pieces. */
  readonly references: readonly Reference[];
  /** Packages that it imports, by bare name. */
  readonly packages: readonly string[];
  /** Digest of what each module has in the text, by path from the root. */
  readonly parts: Readonly<Record<string, string>>;
  /** All files that were read, by path from the root. */
  readonly files: readonly string[];
}

interface Reference {
  readonly entry: CodeEntry;
  /** Whether it is a module whose address starts a thread or process: that needs leave to read it, an import does not. */
  readonly isStarted: boolean;
}

/** `import * as` and `export default` name variables after the end of a path: the same for every file. */
const pathEnd = "/module";
const namespace = "code";
const mark = /"(import|resolve|url)-of-its-own:([^"]+)"/;
const codeFile = /\.[mc]?[jt]sx?$/;

/** An address by a text that stands there; what is computed is no address of code. */
const addresses =
  /\b(import\.meta\.resolve)\(\s*"(\.[^"]*)",?\s*\)|\bnew URL\(\s*"([^":]+)",\s*import\.meta\.url,?\s*\)/g;

/**
 * Where a module lies, as constants: the text must not depend on the folder, and esbuild keeps a declaration that
 * reads `import.meta.url`, as reading it might do something. Bundles are digested, never run.
 */
const importMeta = {
  "import.meta.url": '"import.meta.url"',
  "import.meta.dirname": '"import.meta.dirname"',
  "import.meta.filename": '"import.meta.filename"',
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
): Promise<ReadonlyMap<string, Bundle>> {
  const bundles = new Map<string, Bundle>();
  for (let missing = entries; missing.length > 0;) {
    const made = await bundleThese(esbuild, root, missing);
    made.forEach((bundle, i) => bundles.set(entryName(missing[i]), bundle));
    const referred = made.flatMap(({ references }) => references.map(({ entry }) => entry));
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
): Promise<readonly Bundle[]> {
  const isCode = ({ module }: CodeEntry) => codeFile.test(module);
  const inputOf = ({ module, exports }: CodeEntry) =>
    exports === "run" ? `run:${module}` : `${namespace}:${fileURLToPath(module)}${pathEnd}`;
  const { outputFiles, metafile } = await esbuild.build({
    entryPoints: entries.filter(isCode).map((entry) => ({
      in: inputOf(entry),
      out: `${entries.indexOf(entry)}`,
    })),
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    sourcemap: "external",
    sourcesContent: false,
    outdir: "bundles",
    format: "esm",
    platform: "neutral",
    target: "esnext",
    tsconfigRaw: "{}",
    define: importMeta,
    charset: "utf8",
    legalComments: "none",
    minifyWhitespace: true,
    logLevel: "silent",
    plugins: [modulesOfProject],
  }).catch((cause: Error) => {
    const message = cause.message.replaceAll(`${namespace}:${root}/`, "").replaceAll(
      `${pathEnd}:`,
      ":",
    );
    throw new Error(`Cannot bundle code: ${message}`, { cause });
  });
  const texts = new Map(outputFiles.map(({ path, text }) => [relative(root, path), text]));
  return entries.map((entry, i): Bundle => {
    if (!isCode(entry)) return bundleOfFile(root, fileURLToPath(entry.module));
    const name = `bundles/${i}.js`;
    const [code, map] = [texts.get(name)!, JSON.parse(texts.get(`${name}.map`)!)];
    refuseOwnAddress(relative(root, fileURLToPath(entry.module)), code);
    const pathOf = (input: string) => relative(root, moduleOf(input.replace(/^.*code:/, "")));
    const pieces = code.split(new RegExp(mark, "g")); // text, kind, URL, text, …
    const packages = [
      ...metafile.outputs[name].imports.map(({ path }) => path).filter((path) =>
        !mark.test(`"${path}"`)
      ),
      ...[...code.matchAll(/\bimport\.meta\.resolve\("([^"]+)"\)/g)].map(([, name]) => name),
    ];
    return {
      text: pieces.flatMap((piece, at) => at % 3 === 0 ? [`${piece}${pieces[at + 1] ?? ""}`] : []),
      references: pieces.flatMap((kind, at) => {
        const module = pieces[at + 1];
        return at % 3 === 1
          ? [{
            entry: { module, exports: "all" },
            isStarted: kind !== "import" && codeFile.test(module),
          }]
          : [];
      }),
      packages: [...new Set(packages.map(packageOf).filter((name) => name !== undefined))],
      parts: digestParts(code, { sources: map.sources.map(pathOf), mappings: map.mappings }),
      files: inputsFrom(metafile, inputOf(entry)).map(pathOf),
    };
  });
}

/** A file that is no code stands for itself. */
function bundleOfFile(root: string, path: string): Bundle {
  const digest = digestOfFile(path);
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
  return [...found].filter((input) => input.startsWith(`${namespace}:`));
}

/** Finds and reads the project's modules; packages, and modules that are bundles of their own, stay outside. */
const modulesOfProject: import("esbuild").Plugin = {
  name: "modules of the project",
  setup(build) {
    build.onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
      if (kind === "entry-point") {
        const at = path.indexOf(":");
        return { path: path.slice(at + 1), namespace: path.slice(0, at) };
      }
      const [, started, specifier] = /^(resolve|url):(.*)$/.exec(path) ?? [, undefined, path];
      if (started === undefined && !/^(\.|file:)/.test(path)) {
        return { path, external: true, sideEffects: false };
      }
      const target = specifier.startsWith("file:")
        ? fileURLToPath(specifier)
        : resolve(dirname(moduleOf(importer)), specifier);
      if (kind === "dynamic-import") {
        const url = pathToFileURL(target).href;
        return { path: `${started ?? "import"}-of-its-own:${url}`, external: true };
      }
      return { path: join(target, pathEnd), namespace, sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: "run" }, ({ path }) => ({
      contents: `export { run } from ${JSON.stringify(path)}`,
    }));
    build.onLoad({ filter: /.*/, namespace }, async ({ path }) => {
      const file = moduleOf(path);
      const text = await Deno.readTextFile(file);
      const contents = text.replace(addresses, (whole, resolves, relativeTo, ofUrl) => {
        const specifier = relativeTo ?? ofUrl;
        if (!isFile(resolve(dirname(file), specifier))) return whole;
        return `import(${JSON.stringify(`${resolves ? "resolve" : "url"}:${specifier}`)})`;
      });
      return { contents, loader: extname(file).slice(1) as "ts" };
    });
  },
};

function moduleOf(path: string): string {
  return path.slice(0, -pathEnd.length);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
