/**
 * The code of an instance as a digest: of the tree-shaken bundle of what it runs, and of the bundles that this loads.
 *
 * A plain module graph would not do: with a barrel per room any edit would make everything stale. In the bundle, types,
 * comments, white space and everything that nothing reaches are gone. Packages stay outside; they enter a key by the
 * version and integrity that the lock file pins.
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../base/mod.ts";
import { type Bundle, Bundler, type CodeEntry } from "./bundler.ts";
import { CacheFile, type FileDigests } from "./file_digests.ts";
import { Packages } from "./packages.ts";

export type { CodeEntry };

export interface CodeDigest {
  /** Path of the module from the project's root. */
  readonly path: string;
  readonly digest: string;
  /** Packages that the bundles import, by bare name, sorted. */
  readonly packages: readonly string[];
  /** Digest of what each module has in the bundles, by path from the root: names what changed, enters no key. */
  readonly modules: Readonly<Record<string, string>>;
  /** Files, absolute, that threads or processes of this code load: these need leave to read them. */
  readonly startedFiles: readonly string[];
}

interface CachedDigest extends Omit<CodeDigest, "path" | "startedFiles"> {
  /** By path from the root. */
  readonly startedFiles: readonly string[];
  /** Content digest of every file that was read, by path from the root. */
  readonly files: Readonly<Record<string, string>>;
  /** Version of the bundler, and of how digests are made of bundles. */
  readonly bundler: string;
}

/** Raised when the same bundles give other digests. */
const digestFormat = 2;

/** Digests of code, kept between processes by the content of the files that were read. */
export class CodeDigests {
  readonly packages: Packages;
  readonly #root: string;
  readonly #files: FileDigests;
  readonly #cache: CacheFile<CachedDigest>;
  readonly #bundler: string;
  readonly #known = new Map<string, CodeDigest>();

  constructor(root: string, files: FileDigests, cachePath: string | undefined) {
    this.#root = root;
    this.#files = files;
    this.#cache = new CacheFile(cachePath);
    this.packages = new Packages(root);
    this.#bundler = `${digestFormat} ${this.packages.closure(["esbuild"])["esbuild"]}`;
  }

  /**
   * Finds the digest of each entry; bundles, several at once, those that are not cached.
   * @throws Error as `Bundler.bundle`.
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
    const bundler = new Bundler(esbuild, this.#root);
    try {
      await Promise.all([...missing].map(async ([name, entry]) => {
        const made = await this.#digest(bundler, entry);
        this.#cache.set(name, made);
        this.#learn(entry, made);
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

  #learn(entry: CodeEntry, { digest, packages, modules, startedFiles }: CachedDigest): void {
    this.#known.set(entryName(entry), {
      path: relative(this.#root, fileURLToPath(entry.module)),
      digest,
      packages,
      modules,
      startedFiles: startedFiles.map((path) => join(this.#root, path)),
    });
  }

  #isCurrent(cached: CachedDigest): boolean {
    if (cached.bundler !== this.#bundler) return false;
    try {
      return Object.entries(cached.files).every(([path, digest]) =>
        this.#files.digest(join(this.#root, path)) === digest
      );
    } catch {
      return false; // a module is gone: the bundle is made again, or says what is missing
    }
  }

  async #digest(bundler: Bundler, entry: CodeEntry): Promise<CachedDigest> {
    const bundles = await allBundles(bundler, entry);
    const modules: Record<string, string> = {};
    for (const [path, part] of bundles.flatMap(({ parts }) => Object.entries(parts))) {
      modules[path] = path in modules ? `${modules[path]} ${part}` : part;
    }
    const files = [...new Set(bundles.flatMap((bundle) => bundle.files))].sort();
    return {
      digest: sha256(textOf(bundles)),
      modules,
      packages: [...new Set(bundles.flatMap((bundle) => bundle.packages))].sort(),
      startedFiles: startedFiles(bundles),
      files: Object.fromEntries(
        files.map((path) => [path, this.#files.digest(join(this.#root, path))]),
      ),
      bundler: this.#bundler,
    };
  }
}

/** The bundle of an entry, then each that is referred to, in the order of the first reference. */
async function allBundles(bundler: Bundler, entry: CodeEntry): Promise<readonly Bundle[]> {
  const bundles = [await bundler.bundle(entry)];
  const seen = new Set<string>();
  for (const { references } of bundles) { // which grows
    for (const { module } of references) {
      if (seen.has(module)) continue;
      seen.add(module);
      bundles.push(await bundler.bundle({ module, exports: "all" }));
    }
  }
  return bundles;
}

/** Their texts, with a number where a reference stands: the place of what it refers to among those referred to. */
function textOf(bundles: readonly Bundle[]): string {
  const numbers = new Map<string, number>();
  return bundles.map(({ text, references }) =>
    text.map((piece, i) => {
      if (i === text.length - 1) return piece;
      const { module } = references[i];
      if (!numbers.has(module)) numbers.set(module, numbers.size);
      return `${piece}"${numbers.get(module)}"`;
    }).join("")
  ).join("\n");
}

/** The files of all bundles that a thread or process starts with, and of those that these load. */
function startedFiles(bundles: readonly Bundle[]): readonly string[] {
  const byModule = new Map(bundles.map((bundle) => [bundle.module, bundle]));
  const references = bundles.flatMap((bundle) => bundle.references);
  const started = new Set(references.filter((it) => it.isStarted).map(({ module }) => module));
  for (const module of started) { // which grows
    byModule.get(module)!.references.forEach((reference) => started.add(reference.module));
  }
  return [...new Set([...started].flatMap((module) => byModule.get(module)!.files))].sort();
}

function entryName(entry: CodeEntry): string {
  return `${entry.exports} ${entry.module}`;
}
