/**
 * What a run chose on a card, kept beside its checkpoints: where it goes on on the same card and versions, products of matrices have
 * the same algorithms; on others these are asked for again, and that is said.
 */
import { join } from "node:path";
import { canonicalJson, readTextIfThere, writeFileAtomic } from "../../base/mod.ts";

/** Begins with a point, as what lies beside checkpoints and is none. */
const fileName = ".products.json";
/** Of an algorithm of cuBLASLt. */
const algorithmBytes = 64;

interface Kept {
  readonly machine: string;
  /** In base64, by what they multiply. */
  readonly algorithms: Readonly<Record<string, string>>;
}

export class Choices {
  /** Where other choices were there: whose, and what that means. */
  readonly warning: string | undefined;
  readonly #path: string;
  readonly #machine: string;
  #algorithms: Readonly<Record<string, string>> = {};

  /** @param machine The card, and the versions that algorithms are of. */
  constructor(folder: string, machine: string) {
    this.#path = join(folder, fileName);
    this.#machine = machine;
    const found = keptIn(readTextIfThere(this.#path));
    if (found?.machine === machine) this.#algorithms = found.algorithms;
    else this.#write();
    if (found !== undefined && found.machine !== machine) {
      this.warning =
        `goes on on ${machine} from a checkpoint of ${found.machine}: last digits may differ`;
    }
  }

  algorithm(product: string): Uint8Array<ArrayBuffer> | undefined {
    const text = this.#algorithms[product];
    return text === undefined ? undefined : bytesOf(text);
  }

  keep(product: string, algorithm: Uint8Array): void {
    const text = btoa(String.fromCharCode(...algorithm));
    this.#algorithms = { ...this.#algorithms, [product]: text };
    this.#write();
  }

  #write(): void {
    const kept: Kept = { machine: this.#machine, algorithms: this.#algorithms };
    writeFileAtomic(this.#path, `${canonicalJson(kept)}\n`);
  }
}

/** Undefined where there is nothing, or nothing that can be used: algorithms are asked for again then. */
function keptIn(text: string | undefined): Kept | undefined {
  try {
    const { machine, algorithms } = JSON.parse(text ?? "");
    const isWhole = typeof machine === "string" &&
      Object.values(algorithms as object).every((value) =>
        bytesOf(value).length === algorithmBytes
      );
    return isWhole ? { machine, algorithms } : undefined;
  } catch {
    return undefined;
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
