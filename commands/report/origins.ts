/**
 * Where the numbers of a report come from: links to the list of results at its end.
 */
import type { Origins } from "../../stages/page/mod.ts";
import type { ReportRecord } from "./records.ts";

/** Finds records by what parts say that they are made from. */
export class OriginLinks {
  /** Places in the list, by instance without its axes. */
  readonly #places = new Map<string, number[]>();

  constructor(records: readonly ReportRecord[]) {
    records.forEach(({ id }, place) => {
      for (const name of new Set([id, id.split("@")[0]])) {
        this.#places.set(name, [...this.#places.get(name) ?? [], place]);
      }
    });
  }

  /** Places of the results that inputs of a part are; of all its inputs where none is named. */
  of(origins: Origins, from: readonly string[] | undefined): number[] {
    const names = from ?? Object.keys(origins);
    return this.ofResults(names.flatMap((name) => origins[name] ?? []));
  }

  /** Places of `instance#output`s. */
  ofResults(refs: readonly string[]): number[] {
    const places = refs.flatMap((ref) =>
      this.#places.get(ref.slice(0, ref.lastIndexOf("#"))) ?? []
    );
    return [...new Set(places)].sort((a, b) => a - b);
  }
}

/** The name of a record's place in the page. */
export function anchorOf(place: number): string {
  return `made-${place}`;
}
