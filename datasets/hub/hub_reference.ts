/**
 * `hf://datasets/<owner>/<name>[@revision]/<glob>`: files of a data set on a hub, whichever mirror of it is asked. Without
 * `datasets/` the files are a model's, such as its tokenizer.
 */
import { UsageError } from "../../base/mod.ts";
import { decoded } from "../http/mod.ts";

export interface HubReference {
  /** Files of a model, not of a data set. */
  readonly isModel?: true;
  readonly owner: string;
  readonly name: string;
  /** Branch, tag or commit; `main` unless it is said. */
  readonly revision: string;
  /** Path in the data set, with `*`, `**`, `?`, `[…]` and `{a,b}`. */
  readonly glob: string;
}

/** Whether a file is named by `hf://`. */
export function isHubReference(text: string): boolean {
  return text.startsWith("hf://");
}

/** @throws UsageError when the text is no such reference. */
export function parseHubReference(text: string): HubReference {
  const found = /^hf:\/\/(datasets\/)?([\w.-]+)\/([\w.-]+)(?:@([^/]+))?\/(.+)$/.exec(text);
  if (found === null || (found[1] === undefined && /^(datasets|models|spaces)$/.test(found[2]))) {
    throw new UsageError(
      `Cannot read "${text}": expected hf://datasets/<owner>/<name>[@revision]/<glob> ` +
        `(of a model: hf://<owner>/<name>[@revision]/<glob>), found another form`,
    );
  }
  const [, folder, owner, name, revision, glob] = found;
  const isModel = folder === undefined ? { isModel: true as const } : {};
  // A revision with slashes is written with %2F: `refs%2Fconvert%2Fparquet`.
  return { ...isModel, owner, name, revision: decoded(revision ?? "main"), glob };
}

/** Whether a revision is a commit, whose files never change. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Whether a path holds wildcards. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** What a glob means: `*` and `?` stay inside a folder, `**` does not, `{a,b}` is a or b. */
export function globPattern(glob: string): RegExp {
  let pattern = "";
  let depth = 0;
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i];
    if (glob.startsWith("**/", i)) [pattern, i] = [`${pattern}(?:[^/]+/)*`, i + 2];
    else if (glob.startsWith("**", i)) [pattern, i] = [`${pattern}.*`, i + 1];
    else if (char === "*") pattern += "[^/]*";
    else if (char === "?") pattern += "[^/]";
    else if (char === "[" && glob.indexOf("]", i + 2) > 0) {
      const end = glob.indexOf("]", i + 2);
      pattern += `[${glob.slice(i + 1, end).replace(/^!/, "^").replaceAll("\\", "\\\\")}]`;
      i = end;
    } else if (char === "{") [pattern, depth] = [`${pattern}(?:`, depth + 1];
    else if (char === "}" && depth > 0) [pattern, depth] = [`${pattern})`, depth - 1];
    else if (char === "," && depth > 0) pattern += "|";
    else pattern += char.replace(/[\\^$.|+()[\]{}]/, "\\$&");
  }
  if (depth > 0) throw new UsageError(`Cannot read glob "${glob}": expected "}", found its end`);
  try {
    return new RegExp(`^${pattern}$`, "u");
  } catch (cause) {
    throw new UsageError(
      `Cannot read glob "${glob}": expected characters in ascending order between "[" and "]"`,
      { cause },
    );
  }
}

/** The folder in which everything that a glob can name lies; empty for the root. */
export function globFolder(glob: string): string {
  const parts = glob.split("/");
  const first = parts.findIndex(isGlob);
  return parts.slice(0, first < 0 ? -1 : first).join("/");
}
