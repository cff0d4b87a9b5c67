/**
 * Programs that were made before, also by another process: bundling one takes half a second. The folder of a program
 * (`program_folder.ts`) has its files; a list says of which code each was made.
 *
 * A program is taken from there only if every file of code that went into it is, by digest, what is to be run now, and if its own
 * files are still what was made.
 */
import { join } from "node:path";
import { readIfThere } from "../base/mod.ts";
import type { CodeTexts } from "./code_texts.ts";
import { CacheFile } from "./file_digests.ts";
import type { Packages } from "./packages.ts";
import { digestOfFiles, type Program } from "./program_folder.ts";

/** A program without the content of its files. */
interface MadeProgram {
  readonly digest: string;
  /** Names of its files. */
  readonly files: readonly string[];
  readonly modules: Program["modules"];
  /** Content digest of every file that was read to make it, by absolute path. */
  readonly code: Readonly<Record<string, string>>;
}

/** What programs are made of. */
interface Code {
  readonly texts: CodeTexts;
  readonly packages: Packages;
}

export class MadePrograms {
  readonly #folder: string;
  readonly #list: CacheFile<MadeProgram>;

  /** @param cache The folder of what may be lost of a store */
  constructor(cache: string) {
    this.#folder = programsFolder(cache);
    this.#list = new CacheFile(join(cache, "made-programs"));
  }

  /** The program of a name, if it was made of the code as it is now. */
  find(name: string, { texts, packages }: Code): Program | undefined {
    const made = this.#list.get(name);
    if (made === undefined || !areTheSame(made.code, texts)) return undefined;
    const files = new Map<string, Uint8Array>();
    for (const file of made.files) {
      const path = join(this.#folder, made.digest, file);
      const own = packages.files.get(file);
      const bytes = own === undefined ? readIfThere(path) : new TextEncoder().encode(own);
      if (bytes === undefined) return undefined;
      files.set(file, bytes);
    }
    if (digestOfFiles(files) !== made.digest) return undefined;
    return { files, digest: made.digest, modules: made.modules };
  }

  /** Notes how a program was made. @param paths Every file that was read for it */
  add(
    name: string,
    { files, digest, modules }: Program,
    paths: Iterable<string>,
    texts: CodeTexts,
  ): void {
    const code = Object.fromEntries([...paths].map((path) => [path, texts.of(path).digest]));
    this.#list.set(name, { digest, files: [...files.keys()], modules, code });
  }

  /** Writes the list. */
  save(): void {
    this.#list.save();
  }
}

/** Where a store has its programs. */
export function programsFolder(cache: string): string {
  return join(cache, "programs");
}

function areTheSame(code: MadeProgram["code"], texts: CodeTexts): boolean {
  try {
    return Object.entries(code).every(([path, digest]) => texts.of(path).digest === digest);
  } catch {
    return false; // a module is gone: the bundle is made again, or says what is missing
  }
}
