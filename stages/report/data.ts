/**
 * What the text of each source is: how much, in which scripts, what was dropped, and what a reader should look at before
 * training on it.
 */
import { createHash } from "node:crypto";
import {
  type DocumentsReport,
  readDocuments,
  readDocumentsReport,
  ScriptCounter,
} from "../../datasets/mod.ts";
import { formatBytes } from "../../pipeline/base/mod.ts";
import { group, type OutputRef } from "../../pipeline/stage.ts";
import { allSources, type Recipe } from "../recipe.ts";
import type { TableKind } from "./kind.ts";
import type { Cell, Row, Table } from "./table.ts";

/** Text that has no report of its own is read for one up to this size: beyond, `documents.details` is for it. */
const maxScannedBytes = 2e9;

/** Scripts below this share are left out. */
const namedShare = 0.005;

/** Validation documents below this leave intervals wide. */
const fewDocuments = 50;

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
  inputs: (recipe: Recipe): Readonly<Record<string, OutputRef>> =>
    Object.fromEntries(
      allSources(recipe).flatMap((source) =>
        ["train", "validation"].map((split): [string, OutputRef] => [
          `${split}/${source}`,
          `documents/${source}/${split}#documents`,
        ])
      ),
    ),
  params: ({ outOfDistribution }) => ({ outOfDistribution }),
  async build({ outOfDistribution }, inputs): Promise<Table> {
    const sources: SourceText[] = [];
    for (const [source, train] of group(inputs, "train")) {
      sources.push(await describe(source, train, inputs[`validation/${source}`]));
    }
    const isHeldOut = ({ source }: SourceText) => outOfDistribution.includes(source);
    const bytes = sources.filter((source) => !isHeldOut(source))
      .reduce((sum, { train }) => sum + train.bytes, 0);
    return {
      name: "data",
      title: "The text of each source",
      columns: [
        "",
        "documents",
        "MB",
        "share",
        "characters/document",
        "longest",
        "bytes/character",
        "scripts",
        "repeated",
        "dropped",
        "validation",
        "also in training",
      ],
      rows: sources.map((source) => rowOf(source, isHeldOut(source) ? null : bytes)),
      notes: [
        "training text, but for the last two columns; share: of the bytes that are trained on",
        "repeated: equal to an earlier document; dropped: bad rows, duplicates, and documents outside the limits of length",
        ...sources.flatMap(remarks),
      ],
    };
  },
};

/** @param bytes of all text that is trained on; null for a source that is held out */
function rowOf(
  { source, train, validation, scripts, repeated, shared }: SourceText,
  bytes: number | null,
): Row {
  const { documents, characters } = train;
  return {
    label: bytes === null ? `${source} (held out)` : source,
    cells: [
      { value: documents },
      decimals(train.bytes / 1e6, 2),
      bytes === null
        ? { value: null }
        : { value: train.bytes / bytes, text: percent(train.bytes / bytes) },
      decimals(characters / documents, 0),
      { value: train.longestBytes, text: formatBytes(train.longestBytes) },
      decimals(train.bytes / characters, 2),
      { value: scripts === null ? null : scriptsText(scripts) },
      { value: repeated },
      { value: droppedOf(train).reduce((sum, [, count]) => sum + count, 0) },
      { value: validation.documents },
      { value: shared },
    ],
  };
}

/** `Latin 98 %, Cyrillic 2 %`: of the characters that belong to a script. */
function scriptsText(scripts: Readonly<Record<string, number>>): string {
  const own = Object.entries(scripts).filter(([name]) => name !== "Common" && name !== "Inherited");
  const total = own.reduce((sum, [, count]) => sum + count, 0);
  return own.filter(([, count]) => count / total >= namedShare)
    .map(([name, count]) => `${name} ${percent(count / total)}`).join(", ");
}

/** Reasons for which rows and documents are not there, with how many. */
function droppedOf({ skipped, filter }: DocumentsReport): [string, number][] {
  const all: [string, number][] = [
    ["bad rows", skipped.rows],
    ["exact duplicates", filter?.duplicates.exact.documents ?? 0],
    ["near duplicates", filter?.duplicates.near.documents ?? 0],
    ...Object.entries(filter?.rejected ?? {}).map(([reason, { documents }]): [string, number] => [
      `documents with ${reason}`,
      documents,
    ]),
  ];
  return all.filter(([, count]) => count > 0);
}

/** What a reader should know of a source beyond its row. */
function remarks({ source, train, validation, repeated, shared }: SourceText): string[] {
  const notes: string[] = [];
  const { filter, skipped } = train;
  for (const [reason, count] of droppedOf(train)) {
    const place = reason === "bad rows"
      ? skipped.first[0]
      : reason === "exact duplicates"
      ? filter?.duplicates.exact.first[0]
      : reason === "near duplicates"
      ? filter?.duplicates.near.first[0]
      : filter?.rejected[reason.slice("documents with ".length)]?.first[0];
    notes.push(`${source}: ${count} ${reason}, the first ${place}`);
  }
  if ((repeated ?? 0) > 0) {
    notes.push(
      `${source}: ${repeated} training documents repeat earlier ones (documents.duplicates.exact drops them)`,
    );
  }
  if ((shared ?? 0) > 0) {
    notes.push(
      `${source}: ${shared} validation documents are also in training: its scores are too good`,
    );
  }
  if (validation.documents < fewDocuments) {
    notes.push(
      `${source}: only ${validation.documents} validation documents: its intervals are wide`,
    );
  }
  return notes;
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
  for await (const { text } of readDocuments(trainFolder)) {
    const digest = digestOf(text);
    if (digests.has(digest)) repeated++;
    digests.add(digest);
    scripts.add(text);
  }
  for await (const { text } of readDocuments(validationFolder)) {
    if (digests.has(digestOf(text))) shared++;
  }
  return { ...known, scripts: scripts.counts(), repeated, shared };
}

/** 96 bits: no two of a billion texts are likely to share them. */
function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64").slice(0, 16);
}

function decimals(value: number, digits: number): Cell {
  return { value, text: value.toFixed(digits) };
}

function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 99.95 || value < 0.05 ? value.toFixed(0) : value.toFixed(1)} %`;
}
