/**
 * Links in documents lead somewhere: files are there, anchors are headings, code that is named by its path is there.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { anchorsIn, codeSpansIn, documents, linksIn, shownPath } from "../support/markdown.ts";
import { projectRoot } from "../support/paths.ts";

/** @returns what is wrong with a link in a document */
function faultOf(file: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) {
    return URL.canParse(link) && /^(https|mailto):/.test(link) ? undefined : "expected https";
  }
  const [path, anchor] = link.split("#");
  const target = path === "" ? file : shownPath(join(projectRoot, dirname(file), path));
  if (target.startsWith("..")) return "expected a place within the project";
  if (!existsSync(join(projectRoot, target))) return `expected "${target}", found nothing there`;
  if (anchor === undefined) return undefined;
  if (!target.endsWith(".md")) return "expected an anchor in a document only";
  const anchors = anchorsIn(target);
  return anchors.has(anchor)
    ? undefined
    : `expected a heading of ${target}: ${[...anchors].join(", ")}`;
}

Deno.test("every link in a document leads to a file, and its anchor to a heading", () => {
  const links = documents().flatMap((file) => linksIn(file).map((link) => ({ file, ...link })));
  assert.ok(links.length > 30, `${links.length} links`);
  const faults = links.flatMap(({ file, place, text }) => {
    const fault = faultOf(file, text);
    return fault === undefined ? [] : [`${place}: ${text}: ${fault}`];
  });
  assert.equal(faults.join("\n"), "");
});

Deno.test("every file of the project that a document names by its path is there", () => {
  const missing = documents().filter((file) => file !== "CHANGELOG.md").flatMap(codeSpansIn)
    .filter(({ text }) => /^(\.?\w[\w-]*\/)+[\w-]+\.(ts|yaml|json|md|svg|c|py)$/.test(text))
    .filter(({ text }) => existsSync(join(projectRoot, text.split("/")[0])))
    .filter(({ text }) => !existsSync(join(projectRoot, text)));
  assert.deepEqual(missing, []);
});

Deno.test("every document is reached from README", () => {
  const reached = new Set<string>();
  const visit = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { text } of linksIn(file)) {
      const path = text.split("#")[0];
      if (path.endsWith(".md") && !/^[a-z]+:/.test(path)) {
        visit(shownPath(join(projectRoot, dirname(file), path)));
      }
    }
  };
  visit("README.md");
  assert.deepEqual(documents().filter((file) => !reached.has(file)), []);
});

Deno.test("a link that leads nowhere is found", () => {
  assert.match(faultOf("README.md", "docs/none.md")!, /expected "docs\/none\.md"/);
  assert.match(faultOf("docs/runner.md", "#no-such-heading")!, /expected a heading/);
  assert.match(faultOf("docs/runner.md", "../../elsewhere.md")!, /within the project/);
  assert.equal(faultOf("docs/runner.md", "#keys"), undefined);
  assert.equal(faultOf("docs/runner.md", "../README.md"), undefined);
});
