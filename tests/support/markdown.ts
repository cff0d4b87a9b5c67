/**
 * What documents in Markdown point at and tell to type: links, anchors, commands.
 */
import { join, relative } from "node:path";
import { projectRoot } from "./paths.ts";

export interface Written {
  /** `docs/runner.md:41` */
  readonly place: string;
  readonly text: string;
}

/** Every document for readers, relative to the root. */
export function documents(): string[] {
  const below = (folder: string): string[] =>
    [...Deno.readDirSync(join(projectRoot, folder))].flatMap(({ name, isDirectory }) =>
      isDirectory ? below(join(folder, name)) : name.endsWith(".md") ? [join(folder, name)] : []
    );
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...below("docs").sort()];
}

/** Lines with their numbers, and whether they stand in a fenced block, of which language. */
function linesOf(file: string): { text: string; place: string; fence: string | null }[] {
  let fence: string | null = null;
  return Deno.readTextFileSync(join(projectRoot, file)).split("\n").map((text, i) => {
    const place = `${file}:${i + 1}`;
    const mark = /^\s*```(\w*)/.exec(text);
    if (mark === null) return { text, place, fence };
    fence = fence === null ? mark[1] : null;
    return { text: "", place, fence: "```" };
  });
}

/** Targets of links and pictures, without what stands in code. */
export function linksIn(file: string): Written[] {
  return linesOf(file).filter(({ fence }) => fence === null).flatMap(({ text, place }) => {
    const plain = text.replaceAll(/`[^`]*`/g, "``");
    const links = plain.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|\b(?:src|href|srcset)="([^"]+)"/g);
    return [...links].map(([, link, attribute]) => ({ place, text: link ?? attribute }));
  });
}

/** The anchors of a document's headings, as places that host code make them. */
export function anchorsIn(file: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text, fence } of linesOf(file)) {
    const heading = fence === null ? /^#{1,6}\s+(.*?)\s*#*$/.exec(text) : null;
    if (heading === null) continue;
    const plain = heading[1].replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
    const slug = plain.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    for (let i = 0;; i++) {
      const anchor = i === 0 ? slug : `${slug}-${i}`;
      if (anchors.has(anchor)) continue;
      anchors.add(anchor);
      break;
    }
  }
  return anchors;
}

/** Spans of code in the text: `a b`. */
export function codeSpansIn(file: string): Written[] {
  return linesOf(file).filter(({ fence }) => fence === null).flatMap(({ text, place }) =>
    [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => ({ place, text: span }))
  );
}

/**
 * Command lines in blocks of shell, in indented blocks (where two spaces come before a remark), and in spans of code that begin
 * with a program's name; continued lines are one.
 */
export function commandsIn(file: string): Written[] {
  const commands: Written[] = [];
  let begun: Written | undefined;
  for (const { text, place, fence } of linesOf(file)) {
    const isIndented = fence === null && (begun !== undefined || /^ {4}(deno|npx) /.test(text));
    if (fence !== "sh" && !isIndented) continue;
    const line = isIndented ? text.trim().split(/ {2,}/)[0] : text;
    const whole: Written = begun === undefined
      ? { place, text: line }
      : { place: begun.place, text: `${begun.text} ${line.trim()}` };
    begun = whole.text.endsWith("\\") ? { ...whole, text: whole.text.slice(0, -1) } : undefined;
    if (begun === undefined) commands.push(whole);
  }
  return [...commands, ...codeSpansIn(file)].filter(({ text }) => /^\s*(deno|npx) /.test(text));
}

/** The words of a command line as a shell makes them, up to a comment, a pipe or another command; redirections are left out. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  const tokens = line.matchAll(/\s+|(?<end>#.*|[|;&].*)|(?<to>[<>]+\s*\S+)|'[^']*'|"[^"]*"|./gs);
  let word: string | undefined;
  for (const { 0: token, groups } of tokens) {
    const isBetween = /^\s/.test(token) || groups?.to !== undefined && word === undefined;
    if (groups?.end !== undefined && (word === undefined || token[0] !== "#")) break;
    if (isBetween) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + (/^['"]/.test(token) ? token.slice(1, -1) : token);
  }
  return word === undefined ? words : [...words, word];
}

/** A path below the root as documents write it. */
export function shownPath(path: string): string {
  return relative(projectRoot, path);
}
