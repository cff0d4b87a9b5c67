/**
 * The format in which a command writes: as asked for, else as the name of its file ends.
 */
import { UsageError } from "../base/mod.ts";
import { oneOf } from "./option_values.ts";

interface OutputFormats<Format extends string> {
  /** What is done in a format: `print a figure as`. */
  readonly act: string;
  /** The first one is taken where neither the user nor a name says more. */
  readonly formats: readonly Format[];
  /** What the end of a name stands for: `.svg`. */
  readonly endings: Readonly<Record<string, Format>>;
  /** Ends of names that stand for something that is not written; any other end says nothing. */
  readonly others: RegExp;
}

/** @throws UsageError for an unknown format, and for a name that says another one: its readers would be misled */
export function outputFormat<Format extends string>(
  { act, formats, endings, others }: OutputFormats<Format>,
  { format, output = "" }: { readonly format?: string; readonly output?: string },
): Format {
  const asked = format === undefined ? undefined : oneOf(formats, act, format);
  const name = output.toLowerCase();
  const named = Object.entries(endings).find(([end]) => name.endsWith(end))?.[1];
  const isFitting = named === undefined ? !others.test(name) : (asked ?? named) === named;
  if (isFitting) return asked ?? named ?? formats[0];
  const ends = Object.keys(endings).filter((end) => (asked ?? endings[end]) === endings[end]);
  throw new UsageError(
    `Cannot write "${output}"${asked === undefined ? "" : ` as ${asked}`}: expected a name ` +
      `that ends in ${ends.join(", ") || "another way"}`,
  );
}
