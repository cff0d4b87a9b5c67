/**
 * What the text of each source is: how much, in which scripts, what was dropped, and what a reader should look at before
 * training on it.
 */
import { hash } from "node:crypto";
import {
  type DocumentsReport,
  type DocumentTexts,
  type Places,
  readDocumentsReport,
  readDocumentTexts,
  ScriptCounter,
} from "../../datasets/mod.ts";
import { formatBytes } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { allSources } from "../sources.ts";
import { cellOf, decimals, whole } from "./cells.ts";
import { inputsOf, type TableKind } from "./kind.ts";
import type { Row, Table } from "./table.ts";

/** Text without a report of its own is read up to this size; for larger text there is `documents.details`. */
const maxScannedBytes = 2e9;

/** Scripts below this share are left out. */
const namedShare = 0.005;

/** Validation documents below this leave intervals wide. */
const fewDocuments = 50;

const none: Places = { documents: 0, first: [] };

interface DataParams {
  readonly outOfDistribution: readonly string[];
}

/** A source as the table shows it. */
interface SourceText {
  readonly source: string;
  readonly train: DocumentsReport;
  readonly validation: DocumentsReport;
  /** Code points by script. */
  readonly scripts: Readonly<Record<string, number>> | null;
  /** Training documents that are equal to an earlier one, and validation documents that are also for training. */
  readonly repeated: number | null;
  readonly shared: number | null;
}

export const kind: TableKind<DataParams> = {
  names: ["data"],
  declare(recipe) {
    const { outOfDistribution } = recipe;
    const documents = (split: string) =>
      inputsOf(split, allSources(recipe), (source) => `documents/${source}/${split}#documents`);
    return {
      inputs: { ...documents("train"), ...documents("validation") },
      params: { outOfDistribution },
    };
  },
  async build({ outOfDistribution }, inputs): Promise<Table> {
    const sources: SourceText[] = [];
    for (const [source, train] of group(inputs, "train")) {
      sources.push(await describe(source, train, inputs[`validation/${source}`]));
    }
    const isHeldOut = ({ source }: SourceText) => outOfDistribution.includes(source);
    const trained = sources.filter((source) => !isHeldOut(source));
    const bytes = sumOf(trained, ({ train }) => train.bytes);
    return {
      name: "data",
      title: "The text of each source",
      columns: [
        "",
        "documents",
        "text",
        "share",
        "characters each",
        "longest",
        "bytes/character",
        "repeated",
        "dropped",
        "validation",
        "in both",
        "scripts",
      ],
      rows: [
        ...sources.map((source) => rowOf(source, isHeldOut(source) ? null : bytes)),
        ...(trained.length > 1 ? [rowOfAll("all trained on", trained, 1, null)] : []),
      ],
      notes: [
        "of training text; share: of the bytes that are trained on; characters each: mean of a document",
        "repeated: equal to an earlier document; dropped: bad rows, duplicates, documents outside the limits of length",
        "validation: documents to measure on; in both: those that are in training, too",
        ...balance(trained),
        ...sources.flatMap(remarks),
        ...fewToMeasureOn(sources),
      ],
    };
  },
};

/** @param bytes of all text that is trained on; null for a source that is held out */
function rowOf(one: SourceText, bytes: number | null): Row {
  const { source, train, scripts } = one;
  const share = bytes === null ? null : train.bytes / bytes;
  const label = bytes === null ? `${source} (held out)` : source;
  return rowOfAll(label, [one], share, scripts === null ? null : scriptsText(scripts));
}

/** What texts of some sources come to. */
function rowOfAll(
  label: string,
  sources: readonly SourceText[],
  share: number | null,
  scripts: string | null,
): Row {
  const sum = (of: (source: SourceText) => number) => sumOf(sources, of);
  const known = (of: (source: SourceText) => number | null) =>
    sources.some((source) => of(source) === null) ? null : sum((source) => of(source)!);
  const bytes = sum(({ train }) => train.bytes);
  const characters = sum(({ train }) => train.characters);
  const documents = sum(({ train }) => train.documents);
  const dropped = sources.flatMap(({ train }) => droppedOf(train));
  return {
    label,
    cells: [
      cellOf(documents, whole),
      cellOf(bytes, formatBytes),
      cellOf(share, shareText),
      cellOf(characters / documents, whole),
      cellOf(Math.max(...sources.map(({ train }) => train.longestBytes)), formatBytes),
      cellOf(bytes / characters, decimals(2)),
      cellOf(known(({ repeated }) => repeated), whole),
      cellOf(sumOf(dropped, ([, count]) => count), whole),
      cellOf(sum(({ validation }) => validation.documents), whole),
      cellOf(known(({ shared }) => shared), whole),
      { value: scripts },
    ],
  };
}

/** `Latin 98 %, Cyrillic 2 %`: of the characters that belong to a script; `Latin` where others are but traces. */
function scriptsText(scripts: Readonly<Record<string, number>>): string {
  const own = Object.entries(scripts).filter(([name]) => name !== "Common" && name !== "Inherited");
  const total = own.reduce((sum, [, count]) => sum + count, 0);
  const named = own.filter(([, count]) => count / total >= namedShare);
  if (named.length === 1 && named[0][1] / total >= 1 - namedShare / 10) return named[0][0];
  return named.map(([name, count]) => `${name} ${shareText(count / total)}`).join(", ");
}

/** Reasons for which rows and documents are not there, how many, and where the first is. */
function droppedOf({ skipped, filter }: DocumentsReport): (readonly [string, number, string])[] {
  const all: (readonly [string, Places])[] = [
    ["bad rows", { documents: skipped.rows, first: skipped.first }],
    ["exact duplicates", filter?.duplicates.exact ?? none],
    ["near duplicates", filter?.duplicates.near ?? none],
    ...Object.entries(filter?.rejected ?? {}).map(([reason, places]) =>
      [`documents with ${reason}`, places] as const
    ),
  ];
  return all.filter(([, { documents }]) => documents > 0)
    .map(([reason, { documents, first }]) => [reason, documents, first[0]]);
}

/** How far sources are apart in size: what sampling by τ acts on. */
function balance(sources: readonly SourceText[]): string[] {
  const bySize = [...sources].sort((a, b) => a.train.bytes - b.train.bytes);
  const [least, most] = [bySize[0], bySize.at(-1)!];
  if (sources.length < 2) return [];
  const times = most.train.bytes / least.train.bytes;
  return [`${most.source} has ${times.toFixed(1)} times the text of ${least.source}`];
}

/** What a reader should know of a source beyond its row. */
function remarks({ source, train, validation, repeated, shared }: SourceText): string[] {
  const way = "documents.duplicates.exact leaves such out";
  const dropped = (split: DocumentsReport, where: string) =>
    droppedOf(split).map(([reason, count, place]) =>
      `${source}, ${reason}${where}: ${count} left out, the first ${place}`
    );
  const notes = [...dropped(train, ""), ...dropped(validation, " in validation")];
  if ((repeated ?? 0) > 0) {
    notes.push(`${source}, documents repeated in training: ${repeated} (${way})`);
  }
  if ((shared ?? 0) > 0) {
    notes.push(
      `${source}, validation documents also in training: ${shared}, its scores are too good (${way})`,
    );
  }
  return notes;
}

function fewToMeasureOn(sources: readonly SourceText[]): string[] {
  const few = sources.filter(({ validation }) => validation.documents < fewDocuments)
    .map(({ source, validation }) => `${source} (${validation.documents})`);
  return few.length === 0
    ? []
    : [`fewer than ${fewDocuments} validation documents, so wide intervals: ${few.join(", ")}`];
}

async function describe(
  source: string,
  trainFolder: string,
  validationFolder: string,
): Promise<SourceText> {
  const train = readDocumentsReport(trainFolder);
  const validation = readDocumentsReport(validationFolder);
  const known = { source, train, validation };
  if (train.bytes + validation.bytes > maxScannedBytes) {
    return { ...known, scripts: train.filter?.scripts ?? null, repeated: null, shared: null };
  }
  const scripts = new ScriptCounter();
  const digests = new Set<string>();
  let repeated = 0, shared = 0;
  for await (const texts of readDocumentTexts(trainFolder)) {
    scripts.add(texts.pool);
    for (const digest of digestsOf(texts)) {
      if (digests.has(digest)) repeated++;
      digests.add(digest);
    }
  }
  for await (const texts of readDocumentTexts(validationFolder)) {
    for (const digest of digestsOf(texts)) if (digests.has(digest)) shared++;
  }
  return { ...known, scripts: scripts.counts(), repeated, shared };
}

/** 96 bits of each text: no two of a billion are likely to share them. */
function digestsOf({ pool, starts }: DocumentTexts): string[] {
  return Array.from(
    starts.subarray(1),
    (end, i) => hash("sha256", pool.subarray(starts[i], end), "base64").slice(0, 16),
  );
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

function shareText(share: number): string {
  const value = 100 * share;
  return `${value >= 99.95 || value < 0.05 ? value.toFixed(0) : value.toFixed(1)} %`;
}
