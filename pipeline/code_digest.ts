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
import { type Bundle, bundleAll, entryName, loadEsbuild } from "./bundler.ts";
import type { CodeEntry } from "./code_modules.ts";
import { CodeTexts } from "./code_texts.ts";
import { CacheFile, type FileDigests } from "./file_digests.ts";
import { Packages } from "./packages.ts";

export interface CodeDigest {
  /** Path of the module from the project's root. */
  readonly path: string;
  readonly digest: string;
  /** Packages that the bundles import, by bare name, sorted. */
  readonly packages: readonly string[];
  /** Digest of what each module has in the bundles, by path from the root: names what changed, enters no key. */
  readonly modules: Readonly<Record<string, string>>;
  /** Content digest of every file that was read, by path from the root. */
  readonly files: Readonly<Record<string, string>>;
}

interface CachedDigest extends Omit<CodeDigest, "path"> {
  /** Version of the bundler, and of how digests are made of bundles. */
  readonly bundler: string;
}

/** Raised when the same bundles give other digests. */
const digestFormat = 2;

/** Digests of code, kept between processes by the content of the files that were read. */
export class CodeDigests {
  readonly packages: Packages;
  /** What is bundled; also what runs is made of it. */
  readonly texts: CodeTexts;
  readonly #root: string;
  readonly #files: FileDigests;
  readonly #cache: CacheFile<CachedDigest>;
  readonly #bundler: string;
  readonly #known = new Map<string, CodeDigest>();

  constructor(root: string, files: FileDigests, cachePath: string | undefined) {
    this.#root = root;
    this.texts = new CodeTexts(root);
    this.#files = files;
    this.#cache = new CacheFile(cachePath);
    this.packages = new Packages(root);
    this.#bundler = `${digestFormat} ${this.packages.closure(["esbuild"])["esbuild"]}`;
  }

  /**
   * Finds the digest of each entry; bundles those that are not cached.
   * @throws Error as `bundleAll`.
   */
  async prepare(entries: Iterable<CodeEntry>): Promise<void> {
    const missing = new Map<string, CodeEntry>();
    for (const entry of entries) {
      const name = entryName(entry);
      if (this.#known.has(name) || missing.has(name)) continue;
      const cached = this.#cache.get(name);
      if (cached !== undefined && this.#isCurrent(cached)) this.#learn(entry, cached);
      else missing.set(name, entry);
    }
    if (missing.size === 0) return;
    const esbuild = await loadEsbuild();
    try {
      const bundles = await bundleAll(esbuild, this.#root, [...missing.values()], this.texts);
      for (const [name, entry] of missing) {
        const made = this.#digest(withReferred(bundles, entry));
        this.#cache.set(name, made);
        this.#learn(entry, made);
      }
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

  #learn(entry: CodeEntry, { digest, packages, modules, files }: CachedDigest): void {
    this.#known.set(entryName(entry), {
      path: relative(this.#root, fileURLToPath(entry.module)),
      digest,
      packages,
      modules,
      files,
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

  #digest(named: ReadonlyMap<string, Bundle>): CachedDigest {
    const bundles = [...named.values()];
    const modules: Record<string, string> = {};
    for (const [path, part] of bundles.flatMap(({ parts }) => Object.entries(parts))) {
      modules[path] = path in modules ? `${modules[path]} ${part}` : part;
    }
    const files = [...new Set(bundles.flatMap((bundle) => bundle.files))].sort();
    return {
      digest: sha256(textOf(named)),
      modules,
      packages: [...new Set(bundles.flatMap((bundle) => bundle.packages))].sort(),
      files: Object.fromEntries(
        files.map((path) => [path, this.texts.of(join(this.#root, path)).digest]),
      ),
      bundler: this.#bundler,
    };
  }
}

/** The bundle of an entry, then each that is referred to, in the order of the first reference. */
function withReferred(
  all: ReadonlyMap<string, Bundle>,
  entry: CodeEntry,
): ReadonlyMap<string, Bundle> {
  const found = new Map([[entryName(entry), all.get(entryName(entry))!]]);
  for (const [, { references }] of found) { // which grows
    for (const name of references.map(entryName)) {
      if (!found.has(name)) found.set(name, all.get(name)!);
    }
  }
  return found;
}

/** The texts of bundles, with the number of a bundle where a reference to it stands. */
function textOf(bundles: ReadonlyMap<string, Bundle>): string {
  const numbers = new Map([...bundles.keys()].map((name, i) => [name, i]));
  return [...bundles.values()].map(({ text, references }) =>
    text.reduce((before, piece, i) =>
      `${before}"${numbers.get(entryName(references[i - 1]))}"${piece}`
    )
  ).join("\n");
}
