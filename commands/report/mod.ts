/**
 * Reports as pages: one HTML file that needs nothing else, or the same page while a run is going.
 *
 * ```ts
 * import { markup } from "./mod.ts";
 * console.log(markup`<b>${"a < b"}</b>`.text);
 * ```
 */
export { keptStates, openKept } from "./kept.ts";
export { markup } from "./markup.ts";
export { partialPage, reportOf, reportStage, storedPage } from "./make.ts";
export { pageHtml, type PageOptions } from "./page.ts";
export { recordsOf } from "./records.ts";
export { serveReport } from "./serve.ts";
