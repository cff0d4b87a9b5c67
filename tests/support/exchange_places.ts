/**
 * Places that serve as an exchange, for tests: each kind a row, with what it takes to have one here.
 */
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { FolderBytes } from "../../exchange/folder.ts";
import { temporaryFolder } from "./command_line.ts";

/** A place for one test, as each party sees it. */
export interface TestPlace extends AsyncDisposable {
  /** @param party `leader`, or a source of `sources`. */
  open(party: string): NamedBytes;
}

export interface PlaceKind {
  readonly name: string;
  /** Why there can be none here. */
  readonly whyNot?: string;
  make(): Promise<TestPlace>;
}

/** Who may be a silo. */
export const sources = ["it", "fr"] as const;

export const folderKind: PlaceKind = {
  name: "folder",
  // deno-lint-ignore require-await
  async make() {
    const folder = temporaryFolder();
    return {
      open: () => new FolderBytes(folder.path),
      // deno-lint-ignore require-await
      async [Symbol.asyncDispose]() {
        folder[Symbol.dispose]();
      },
    };
  },
};
