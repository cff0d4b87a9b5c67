/**
 * The code of an instance as a digest: of the tree-shaken bundle of what it runs.
 *
 * A plain module graph would not do: with a barrel per room any edit would make everything stale. In the bundle, types,
 * comments, white space and everything that nothing reaches are gone. Packages stay outside; they enter a key by the
 * version and integrity that the lock file pins.
 */
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../base/mod.ts";
import { CacheFile, type FileDigests } from "./file_digests.ts";
import { digestParts } from "./bundle_parts.ts";
import { packageOf, Packages } from "./packages.ts";

/** What of a module counts: the `run` of a stage, or all that a registry entry exports. */
export type CodeEntry = { readonly module: string; readonly exports: "run" | "all" };

export interface CodeDigest {
  /** Path of the module from the project's root: the name it has in an action record. */
  readonly path: string;
  readonly digest: string;
  /** Packages that the bundle imports, by bare name, sorted. */
  readonly packages: readonly string[];
  /** Digest of what each module has in the bundle, by path from the root: names what changed, enters no key. */
  readonly modules: Readonly<Record<string, string>>;
}

interface CachedBundle {
  readonly digest: string;
  readonly parts: Readonly<Record<string, string>>;
  readonly packages: readonly string[];
  /** Content digest of every module that was read, by path from the root. */
  readonly modules: Readonly<Record<string, string>>;
  readonly bundler: string;
}

/**
 * Where a module lies, as constants: the digest must not depend on the folder, and the bundler keeps a declaration that
 * reads `import.meta.url`, as reading it might do something. Bundles are digested, never run.
 */
const importMeta = {
  "import.meta.url": '"import.meta.url"',
  "import.meta.dirname": '"import.meta.dirname"',
  "import.meta.filename": '"import.meta.filename"',
};

const bundleName = "bundle.js";

/** Digests of bundles, kept between processes by the content of the modules that were read. */
export class CodeDigests {
  readonly packages: Packages;
  readonly #root: string;
  readonly #files: FileDigests;
  readonly #cache: CacheFile<CachedBundle>;
  readonly #bundler: string;
  readonly #known = new Map<string, CodeDigest>();

  constructor(root: string, files: FileDigests, cachePath: string | undefined) {
    this.#root = root;
    this.#files = files;
    this.#cache = new CacheFile(cachePath);
    this.packages = new Packages(root);
    this.#bundler = this.packages.closure(["esbuild"])["esbuild"];
  }

  /**
   * Finds the digest of each entry; bundles, several at once, those that are not cached.
   * @throws Error when a module does not parse or an import does not resolve.
   */
  async prepare(entries: Iterable<CodeEntry>): Promise<void> {
    const missing = new Map<string, CodeEntry>();
    for (const entry of entries) {
      const name = entryName(entry);
      if (this.#known.has(name)) continue;
      const cached = this.#cache.get(name);
      if (cached !== undefined && this.#isCurrent(cached)) this.#learn(entry, cached);
      else missing.set(name, entry);
    }
    if (missing.size === 0) return;
    const esbuild = await import("esbuild");
    try {
      await Promise.all([...missing].map(async ([name, entry]) => {
        const bundled = await this.#bundle(esbuild, entry);
        this.#cache.set(name, bundled);
        this.#learn(entry, bundled);
      }));
    } finally {
      await esbuild.stop();
    }
  }

  /** The digest of an entry that was prepared. */
  of(entry: CodeEntry): CodeDigest {
    const known = this.#known.get(entryName(entry));
    if (known === undefined) {
      throw new RangeError(`Cannot give the code digest of "${entry.module}": it was not prepared`);
    }
    return known;
  }

  /** Writes what was learned. */
  save(): void {
    this.#cache.save();
  }

  #learn(entry: CodeEntry, { digest, packages, parts }: CachedBundle): void {
    const path = relative(this.#root, fileURLToPath(entry.module));
    this.#known.set(entryName(entry), { path, digest, packages, modules: parts });
  }

  #isCurrent(cached: CachedBundle): boolean {
    if (cached.bundler !== this.#bundler || cached.parts === undefined) return false;
    try {
      return Object.entries(cached.modules).every(([path, digest]) =>
        this.#files.digest(join(this.#root, path)) === digest
      );
    } catch {
      return false; // a module is gone: the bundle is made again, or says what is missing
    }
  }

  async #bundle(
    esbuild: typeof import("esbuild"),
    entry: CodeEntry,
  ): Promise<CachedBundle> {
    const path = fileURLToPath(entry.module);
    const what = entry.exports === "run" ? "{ run }" : "*";
    const result = await esbuild.build({
      stdin: { contents: `export ${what} from ${JSON.stringify(path)}`, resolveDir: this.#root },
      absWorkingDir: this.#root,
      bundle: true,
      write: false,
      metafile: true,
      sourcemap: "external",
      sourcesContent: false,
      outfile: bundleName,
      format: "esm",
      platform: "neutral",
      target: "esnext",
      tsconfigRaw: "{}",
      define: importMeta,
      charset: "utf8",
      legalComments: "none",
      minifyWhitespace: true,
      logLevel: "silent",
      plugins: [{
        name: "modules without side effects",
        setup: (build) =>
          build.onResolve({ filter: /.*/ }, ({ path, importer, resolveDir }) => {
            if (!/^(\.|\/|file:)/.test(path)) return { path, external: true, sideEffects: false };
            const from = importer.startsWith("/") ? dirname(importer) : resolveDir;
            const target = path.startsWith("file:") ? fileURLToPath(path) : resolve(from, path);
            return { path: target, sideEffects: false };
          }),
      }],
    }).catch((cause: Error) => {
      throw new Error(`Cannot bundle "${relative(this.#root, path)}": ${cause.message}`, { cause });
    });
    const [code, map] = ["", ".map"].map((ending) =>
      result.outputFiles.find((file) => basename(file.path) === `${bundleName}${ending}`)!
    );
    const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
    const packages = imports.filter((it) => it.external).map((it) => packageOf(it.path));
    const modules = Object.keys(result.metafile.inputs).filter((input) => input !== "<stdin>");
    return {
      digest: sha256(code.contents),
      parts: digestParts(code.text, JSON.parse(map.text)),
      packages: [...new Set(packages.filter((name) => name !== undefined))].sort(),
      modules: Object.fromEntries(
        modules.sort().map((input) => [input, this.#files.digest(resolve(this.#root, input))]),
      ),
      bundler: this.#bundler,
    };
  }
}

function entryName(entry: CodeEntry): string {
  return `${entry.exports} ${entry.module}`;
}
