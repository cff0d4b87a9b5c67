/**
 * A module with all that it reaches, as one text that tells two states of the code apart and no two places of its files.
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

/** What of a module counts: the `run` of a stage, or all that it exports and does when it is loaded. */
export type CodeEntry = { readonly module: string; readonly exports: "run" | "all" };

export interface Bundle {
  readonly module: string;
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

export interface Reference {
  /** URL of the module, or of another file. */
  readonly module: string;
  /** Whether it is a module whose address a thread or process is started with: that needs leave to read, an import does not. */
  readonly isStarted: boolean;
}

/** The parts of the file name that `import * as` and `export default` give to variables: the same for every file. */
const fileName = "/module";
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

/** Bundles modules of a project, each once. */
export class Bundler {
  readonly #esbuild: Esbuild;
  readonly #root: string;
  readonly #bundles = new Map<string, Promise<Bundle>>();

  constructor(esbuild: Esbuild, root: string) {
    this.#esbuild = esbuild;
    this.#root = root;
  }

  /** @throws Error when a module does not parse, an import does not resolve, or code asks where it lies. */
  bundle(entry: CodeEntry): Promise<Bundle> {
    const name = `${entry.exports} ${entry.module}`;
    if (!this.#bundles.has(name)) this.#bundles.set(name, this.#make(entry));
    return this.#bundles.get(name)!;
  }

  async #make(entry: CodeEntry): Promise<Bundle> {
    const path = fileURLToPath(entry.module);
    const own = relative(this.#root, path);
    if (!codeFile.test(path)) {
      const digest = digestOfFile(path);
      return {
        module: entry.module,
        text: [digest],
        references: [],
        packages: [],
        parts: { [own]: digest },
        files: [own],
      };
    }
    const result = await this.#esbuild.build({
      ...(entry.exports === "all" ? { entryPoints: [path] } : {
        stdin: { contents: `export { run } from ${JSON.stringify(path)}` },
      }),
      absWorkingDir: this.#root,
      bundle: true,
      write: false,
      metafile: true,
      sourcemap: "external",
      sourcesContent: false,
      outfile: "bundle.js",
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
      const message = cause.message.replaceAll(`${namespace}:${this.#root}/`, "")
        .replaceAll(`${fileName}:`, ":");
      throw new Error(`Cannot bundle "${own}": ${message}`, { cause });
    });
    const [map, code] = ["bundle.js.map", "bundle.js"].map((name) =>
      result.outputFiles.find((file) => file.path.endsWith(name))!.text
    );
    const asked = /"import\.meta\.\w+"|\bimport\.meta\.resolve\((?!")/.exec(code);
    if (asked !== null) {
      const found = code.slice(Math.max(0, asked.index - 60), asked.index + 60);
      throw new Error(
        `Cannot bundle "${own}": expected modules at literal addresses, as in import.meta.resolve("./a.ts"), ` +
          `found code that asks where it lies: ${found}`,
      );
    }
    const pathOf = (name: string) =>
      relative(this.#root, name.slice(name.indexOf(":") + 1).slice(0, -fileName.length));
    const pieces = code.split(new RegExp(mark, "g")); // text, kind, URL, text, …
    const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
    const names = [
      ...imports.map(({ path }) => path).filter((path) => !mark.test(`"${path}"`)),
      ...[...code.matchAll(/\bimport\.meta\.resolve\("([^"]+)"\)/g)].map(([, name]) => name),
    ];
    const { sources, mappings } = JSON.parse(map);
    return {
      module: entry.module,
      text: pieces.flatMap((piece, i) => i % 3 === 0 ? [`${piece}${pieces[i + 1] ?? ""}`] : []),
      references: pieces.flatMap((kind, i) =>
        i % 3 === 1
          ? [{
            module: pieces[i + 1],
            isStarted: kind !== "import" && codeFile.test(pieces[i + 1]),
          }]
          : []
      ),
      packages: [...new Set(names.map(packageOf).filter((name) => name !== undefined))],
      parts: digestParts(code, { sources: sources.map(pathOf), mappings }),
      files: Object.keys(result.metafile.inputs).filter((input) => input !== "<stdin>").map(pathOf),
    };
  }
}

/** Finds and reads the project's modules; packages, and modules that are bundles of their own, stay outside. */
const modulesOfProject: import("esbuild").Plugin = {
  name: "modules of the project",
  setup(build) {
    build.onResolve({ filter: /.*/ }, ({ path, importer, resolveDir, kind }) => {
      const [, started, specifier] = /^(resolve|url):(.*)$/.exec(path) ?? [, undefined, path];
      if (started === undefined && !/^(\.|\/|file:)/.test(path)) {
        return { path, external: true, sideEffects: false };
      }
      const from = importer === "" || importer === "<stdin>"
        ? resolveDir
        : dirname(moduleOf(importer));
      const target = specifier.startsWith("file:")
        ? fileURLToPath(specifier)
        : resolve(from, specifier);
      if (kind === "dynamic-import") {
        const url = pathToFileURL(target).href;
        return { path: `${started ?? "import"}-of-its-own:${url}`, external: true };
      }
      return { path: join(target, fileName), namespace, sideEffects: false };
    });
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
  return path.slice(0, -fileName.length);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
