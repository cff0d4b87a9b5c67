/**
 * The files of code, each read once: what was digested is what is bundled, whatever happens to a file meanwhile.
 */
import { relative } from "node:path";
import { sha256, StageError } from "../base/mod.ts";

interface CodeText {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** Texts of files by absolute path, as they were when they were first asked for. */
export class CodeTexts {
  readonly #root: string;
  readonly #read = new Map<string, CodeText>();

  /** @param root What messages name files from. */
  constructor(root: string) {
    this.#root = root;
  }

  /** @throws Deno.errors.NotFound and others as reading does. */
  of(path: string): CodeText {
    let text = this.#read.get(path);
    if (text === undefined) {
      const bytes = Deno.readFileSync(path);
      this.#read.set(path, text = { bytes, digest: sha256(bytes) });
    }
    return text;
  }

  /** Reads a file that a key is of. @throws StageError when it is no longer what its digest says. */
  hold(path: string, digest: string): void {
    let found: string;
    try {
      found = this.of(path).digest;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      found = "no file";
    }
    if (found === digest) return;
    throw new StageError(
      `Cannot run code that changed while it was planned: expected digest ${digest} of ` +
        `"${relative(this.#root, path)}", found ${found}; run again`,
    );
  }
}
