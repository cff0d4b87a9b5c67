/**
 * What a file holds: format, rows, columns, the column of text, the first rows, problems.
 */
import {
  type ColumnDescription,
  type Document,
  inputOf,
  isRecord,
  kindOf,
  readerDefaults,
  type RecordStream,
  unicodeProblem,
} from "../datasets/mod.ts";
import { messageOf, StageError } from "../base/mod.ts";
import type { DatasetFile, DatasetGenerator } from "./dataset_inputs.ts";
import { jsonValue } from "./json_values.ts";
import { withRecordProgress } from "./reading_progress.ts";

/** Without `--all` a file is read up to this many bytes as stored; a larger one has its rows estimated. */
const readBytes = 64 * 1024 * 1024;
const firstRows = 3;
const namedProblems = 10;
/** Rows from which the text column is told. */
const textRows = 100;
/** Names that people give to the text, likely ones first. */
const textNames = [
  "text",
  "content",
  "document",
  "body",
  "article",
  "message",
  "sentence",
  "story",
];

/** Types of columns that are not text, though their values may be read as text. */
const noText = /^(timestamp|date|time|decimal|duration|interval|uuid|map<|list<)/i;

/** What is known about a file. */
export interface Inspection {
  readonly file: string;
  readonly format: string;
  readonly bytes?: number;
  /** Undefined if an error came before any row. */
  readonly rows?: number;
  readonly rowsAreExact?: boolean;
  readonly columns?: readonly ColumnDescription[];
  /** The column that is most likely the text: pass it as `documents.textField`. */
  readonly textColumn?: string | null;
  readonly first?: readonly unknown[];
  /** What may not be as the user meant it. */
  readonly notes?: readonly string[];
  readonly problems: { readonly rows: number; readonly first: readonly string[] };
  /** Why the file was refused. */
  readonly error?: string;
}

export interface GeneratorInspection {
  readonly source: string;
  readonly format: "generated";
  readonly generator: string;
  readonly entropyBitsPerByte: number;
  readonly first: readonly Document[];
}

/** Inspects a file. @param all Whether a large one is read to its end */
export async function inspectFile(
  { name, reader, open }: DatasetFile,
  all: boolean,
): Promise<Inspection> {
  const known: { -readonly [Key in keyof Inspection]: Inspection[Key] } = {
    file: name,
    format: reader.format,
    problems: { rows: 0, first: [] },
  };
  let rows = 0, problemRows = 0;
  const problems: string[] = [];
  const samples: object[] = [];
  const types = new FieldTypes();
  let records: RecordStream | undefined;
  const conclude = () => {
    const declared = records?.columns ?? [];
    const columns = declared.length > 0 ? declared : types.columns();
    known.columns = columns;
    known.textColumn = textColumn(columns, samples);
    const value = headerThatLooksLikeData(reader.format, columns);
    if (value !== undefined) {
      known.notes = [`the first row is taken for the names of columns, yet "${value}" is a number`];
    }
    known.first = samples.slice(0, firstRows).map(jsonValue);
    known.problems = { rows: problemRows, first: problems };
    known.rows = rows;
  };
  try {
    await using opened = await open();
    const input = await inputOf(opened);
    known.bytes = input.size;
    records = await reader.readRecords(input, { maxRowBytes: readerDefaults.maxRowBytes });
    let isWhole = true;
    let bytesSeen = 0;
    /** The rows and bytes before the last read: of the piece that was read last, only some rows have arrived. */
    let settled = { rows: 0, bytes: 0 };
    for await (const batch of withRecordProgress(records, input, name)) {
      if (input.bytesRead !== bytesSeen) settled = { rows, bytes: bytesSeen };
      bytesSeen = input.bytesRead;
      for (const record of batch) {
        rows++;
        const problem = "problem" in record
          ? record.problem
          : unicodeProblem(record.value, records.field);
        if (problem !== undefined) {
          problemRows++;
          if (problems.length < namedProblems) {
            problems.push(`${records.unit} ${record.row}: ${problem}`);
          }
        } else if ("value" in record) {
          types.add(record.value);
          if (samples.length < textRows) samples.push(record.value);
        }
      }
      if (all || input.bytesRead <= readBytes) continue;
      isWhole = input.bytesRead >= input.size;
      break;
    }
    conclude();
    const part = settled.bytes > 0 ? settled : { rows, bytes: input.bytesRead };
    known.rows = records.totalRows ??
      (isWhole ? rows : Math.round(part.rows * input.size / part.bytes));
    known.rowsAreExact = isWhole || records.totalRows !== undefined;
    if (rows > 0 && rows === problemRows) {
      known.error = `expected rows that can be read, found none: ${problems[0]}`;
    }
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    if (records !== undefined) conclude();
    known.rowsAreExact = false;
    known.error = messageOf(error);
  }
  const { problems: bad, error, ...facts } = known;
  return { ...facts, problems: bad, ...(error === undefined ? {} : { error }) };
}

/** The fields of the rows that were read, with the types of their values. */
class FieldTypes {
  readonly #kinds = new Map<string, Set<string>>();

  add(record: object): void {
    for (const [name, value] of Object.entries(record)) {
      let known = this.#kinds.get(name);
      if (known === undefined) this.#kinds.set(name, known = new Set());
      known.add(Array.isArray(value) ? "list" : kindOf(value).replace(/^an? /, ""));
    }
  }

  columns(): ColumnDescription[] {
    return [...this.#kinds].map(([name, kinds]) => ({ name, type: [...kinds].sort().join(" | ") }));
  }
}

/** A number among the names of columns of a format whose first row names them. */
function headerThatLooksLikeData(
  format: string,
  columns: readonly ColumnDescription[],
): string | undefined {
  if (format !== "csv" && format !== "tsv") return undefined;
  return columns.find(({ name }) => name.trim() !== "" && Number.isFinite(Number(name)))?.name;
}

/** The best of the columns and fields of text: by its name, else by the length of its values. */
function textColumn(
  columns: readonly ColumnDescription[],
  samples: readonly unknown[],
): string | null {
  const lengths = new Map<string, { sum: number; count: number }>();
  const isOther = new Set(columns.filter(({ type }) => noText.test(type)).map(({ name }) => name));
  const walk = (value: unknown, path: string, depth: number) => {
    if (isOther.has(path)) return;
    if (typeof value === "string" || value instanceof Uint8Array) {
      const seen = lengths.get(path) ?? { sum: 0, count: 0 };
      lengths.set(path, { sum: seen.sum + value.length, count: seen.count + 1 });
    } else if (isRecord(value) && depth < 3) {
      for (const [name, inner] of Object.entries(value)) {
        walk(inner, path === "" ? name : `${path}.${name}`, depth + 1);
      }
    }
  };
  for (const sample of samples) walk(sample, "", 0);
  const rank = (path: string) => {
    const place = textNames.indexOf(path.slice(path.lastIndexOf(".") + 1));
    return place < 0 ? textNames.length : place;
  };
  const mean = (path: string) => lengths.get(path)!.sum / lengths.get(path)!.count;
  const candidates = [...lengths.keys()].sort((a, b) => rank(a) - rank(b) || mean(b) - mean(a));
  if (candidates.length > 0) return candidates[0];
  return columns.find(({ type }) => /^(large_?)?(string|utf8)/i.test(type))?.name ?? null;
}

/** The first documents that a generator makes. */
export function inspectGenerator(
  { name, generator, entropyBitsPerByte, documents }: DatasetGenerator,
): GeneratorInspection {
  const first = [...Iterator.from(documents()).take(firstRows)];
  return { source: name, format: "generated", generator, entropyBitsPerByte, first };
}
