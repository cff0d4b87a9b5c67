/**
 * What a recipe may do to documents between reading and writing them: clean-up, limits of length, removal of duplicates,
 * and a split by content. It counts what it does, for the report.
 *
 * Order: clean-up, length, duplicates, split. Duplicates are looked for among all splits, and a split is chosen by a hash of
 * the cleaned text: so no two splits share a document, and with `near` none has a near copy in another. Where each split has
 * files of its own, the filter of validation text is told the training text first (`know`).
 */
import { hash } from "node:crypto";
import { join } from "node:path";
import type { Seed } from "../base/mod.ts";
import { type CleanRule, cleanText } from "./clean_text.ts";
import type { Document } from "./document.ts";
import { DuplicateIndex, type DuplicateOptions } from "./duplicates.ts";
import { ScriptCounter } from "./text_scripts.ts";
import { Utf8Buffer } from "./utf8_buffer.ts";

type SplitName = "train" | "validation" | "test";

/** Shares of documents; what is left is `train`. */
export interface SplitShares {
  readonly validation: number;
  readonly test: number;
}

export interface FilterOptions {
  readonly clean: readonly CleanRule[];
  /** Limits in code points, inclusive; null is none. */
  readonly length: { readonly minCharacters: number | null; readonly maxCharacters: number | null };
  readonly duplicates: DuplicateOptions;
  /** Keep only this part of the documents; null keeps all. */
  readonly split: { readonly shares: SplitShares; readonly keep: SplitName } | null;
}

/** A count, and where the first of it are. */
export interface Places {
  readonly documents: number;
  readonly first: readonly string[];
}

/** What the filter did to the documents. Plain data. */
export interface FilterReport {
  /** Code points of the kept documents by Unicode script, the most frequent first. */
  readonly scripts: Readonly<Record<string, number>>;
  /** Documents that clean-up changed. */
  readonly cleaned: number;
  readonly duplicates: { readonly exact: Places; readonly near: Places };
  /** Dropped documents by reason. */
  readonly rejected: Readonly<Record<string, Places>>;
  /** Documents that went to other splits. */
  readonly otherSplits: number;
}

/** Reports name this many places of each kind. */
const namedPlaces = 20;

const noPlaces: Places = { documents: 0, first: [] };

const emptyReport: FilterReport = {
  scripts: {},
  cleaned: 0,
  duplicates: { exact: noPlaces, near: noPlaces },
  rejected: {},
  otherSplits: 0,
};

/** Where a filter stands: plain data for checkpoints. */
export interface FilterState {
  readonly report: FilterReport;
  /** Documents in the index of duplicates. */
  readonly indexed: number;
}

export class DocumentFilter implements Disposable {
  readonly #options: FilterOptions;
  readonly #index: DuplicateIndex | undefined;
  readonly #scripts: ScriptCounter;
  /** The document that was looked at last. */
  readonly #utf8 = new Utf8Buffer();
  #report: FilterReport;
  #indexed: number;

  /**
   * @param folder for the index of duplicates, which outlives a kill
   * @param from goes on from there
   */
  constructor(options: FilterOptions, seed: Seed, folder: string, from?: FilterState) {
    this.#options = options;
    this.#report = from?.report ?? emptyReport;
    this.#indexed = from?.indexed ?? 0;
    this.#scripts = new ScriptCounter(this.#report.scripts);
    const { exact, near } = options.duplicates;
    if (exact || near !== null) {
      const path = join(folder, "duplicates.sqlite");
      this.#index = new DuplicateIndex(path, options.duplicates, seed, this.#indexed);
    }
  }

  /** Adds a document that is kept elsewhere to the index of duplicates: it is neither written nor counted. */
  know(document: Document): void {
    const digest = digestOf(this.#encode(document.text));
    if (this.#index?.findOrAdd(this.#indexed, document, digest) === undefined) this.#indexed++;
  }

  /** The document as it is kept, or undefined when it is dropped. */
  apply(given: Document): Document | undefined {
    const { clean, length, split } = this.#options;
    const document = cleaned(given, clean);
    const { id } = document;
    const problem = lengthProblem(document, length);
    if (problem !== undefined) {
      const { rejected } = this.#report;
      this.#update({ rejected: { ...rejected, [problem]: plusOne(rejected[problem], id) } });
      return undefined;
    }
    const utf8 = document.utf8 ?? this.#encode(document.text);
    if (this.#index !== undefined || split !== null) {
      const digest = digestOf(utf8);
      const duplicate = this.#index?.findOrAdd(this.#indexed, document, digest);
      if (duplicate !== undefined) {
        const { duplicates } = this.#report;
        const places = plusOne(duplicates[duplicate.kind], `${id} = ${duplicate.of}`);
        this.#update({ duplicates: { ...duplicates, [duplicate.kind]: places } });
        return undefined;
      }
      this.#indexed++;
      if (split !== null && splitOf(digest, split.shares) !== split.keep) {
        this.#update({ otherSplits: this.#report.otherSplits + 1 });
        return undefined;
      }
    }
    if (document !== given) this.#update({ cleaned: this.#report.cleaned + 1 });
    this.#scripts.add(utf8);
    // What has no UTF-8 is left to the writer, which says so.
    return document.utf8 !== undefined || !document.text.isWellFormed()
      ? document
      : { ...document, utf8 };
  }

  #encode(text: string): Uint8Array {
    this.#utf8.clear();
    this.#utf8.add(text);
    return this.#utf8.bytes;
  }

  report(): FilterReport {
    return { ...this.#report, scripts: this.#scripts.counts() };
  }

  /** Puts the index of duplicates on disk, where a kill does not harm it. */
  state(): FilterState {
    this.#index?.commit();
    return { report: this.report(), indexed: this.#indexed };
  }

  [Symbol.dispose](): void {
    this.#index?.[Symbol.dispose]();
  }

  #update(changes: Partial<FilterReport>): void {
    this.#report = { ...this.#report, ...changes };
  }
}

/** The split that a document belongs to, by the digest of its text: the same for equal texts whatever their place. */
export function splitOf(digest: Uint8Array, { validation, test }: SplitShares): SplitName {
  const { buffer, byteOffset } = digest;
  const place = new DataView(buffer, byteOffset).getUint32(0) / 2 ** 32; // in [0, 1)
  if (place < validation) return "validation";
  return place < validation + test ? "test" : "train";
}

function digestOf(utf8: Uint8Array): Uint8Array {
  return Uint8Array.fromHex(hash("sha256", utf8));
}

/** The document after clean-up; the very same where that changes nothing. */
function cleaned(document: Document, rules: readonly CleanRule[]): Document {
  if (rules.length === 0) return document;
  const { text: raw, id, source, metadata } = document;
  const text = cleanText(raw, rules);
  return text === raw ? document : { text, id, source, metadata };
}

function lengthProblem(document: Document, limits: FilterOptions["length"]): string | undefined {
  if (document.utf8 === undefined ? document.text === "" : document.utf8.length === 0) {
    return "no characters";
  }
  const { minCharacters, maxCharacters } = limits;
  if (minCharacters === null && maxCharacters === null) return undefined;
  const characters = document.characters ?? charactersOf(document.text);
  if (characters < (minCharacters ?? 0)) return `fewer than ${minCharacters} characters`;
  if (characters > (maxCharacters ?? Infinity)) return `more than ${maxCharacters} characters`;
  return undefined;
}

function charactersOf(text: string): number {
  let characters = 0;
  for (const _ of text) characters++;
  return characters;
}

function plusOne({ documents, first }: Places = noPlaces, place: string): Places {
  return {
    documents: documents + 1,
    first: first.length < namedPlaces ? [...first, place] : first,
  };
}
