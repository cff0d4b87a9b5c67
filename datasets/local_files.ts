/**
 * Files of this machine by path, folder or glob.
 */
import { join, relative } from "node:path";
import { UsageError } from "../base/mod.ts";
import { fileListEnding, readFileList } from "./file_list.ts";
import { globPattern, isGlob, isRemote } from "./hub/mod.ts";
import { readerModule } from "./readers/mod.ts";

/**
 * The files that a path names, sorted: itself, or for a folder all files in and below it that can be read, or for a glob
 * all that match. A path that names one existing file is never a glob. A file list (`file_list.ts`) names what its lines do,
 * in their order; remote names among them stay as they are.
 *
 * @param canRead which files of a folder count; those that a reader of documents takes unless it is given
 * @throws UsageError when a folder or a glob has none.
 */
export function listLocalFiles(
  path: string,
  canRead: (path: string) => boolean = hasReader,
): readonly string[] {
  if (path.endsWith(fileListEnding)) {
    return readFileList(path).flatMap((file) =>
      isRemote(file) ? [file] : listLocalFiles(file, canRead)
    );
  }
  const info = statOf(path);
  if (info?.isFile || info === undefined && !isGlob(path)) return [path]; // a missing file is said where it is read
  const folder = info?.isDirectory ? path : folderOfGlob(path);
  const pattern = info?.isDirectory ? undefined : globPattern(relative(folder, path));
  const found = filesUnder(folder).filter((file) =>
    pattern === undefined ? canRead(file) : pattern.test(relative(folder, file))
  );
  if (found.length > 0) return found.sort();
  throw new UsageError(
    `Cannot read "${path}": expected ${
      pattern === undefined
        ? "a file, or a folder of files that a reader takes, found a folder without any"
        : "files of that name, found none"
    }`,
  );
}

/** The folder in which files can match a glob. A folder that is there is no glob, whatever its name holds. */
function folderOfGlob(path: string): string {
  const parts = path.split("/");
  const isLiteral = (end: number) =>
    !isGlob(parts[end - 1]) || statOf(parts.slice(0, end).join("/"))?.isDirectory === true;
  let end = 0;
  while (end < parts.length - 1 && isLiteral(end + 1)) end++;
  return parts.slice(0, end).join("/") || (path.startsWith("/") ? "/" : ".");
}

function filesUnder(folder: string): string[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch {
    return [];
  }
  return entries.flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? filesUnder(path) : [path];
  });
}

/** Whether a reader of documents takes a file of this name. */
export function hasReader(path: string): boolean {
  try {
    readerModule(path);
    return true;
  } catch {
    return false;
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
