/**
 * Shows a report on this machine while a run is going. It only reads.
 */
import type { InstanceState } from "../../pipeline/plan.ts";
import { pastRuns } from "../../pipeline/run_history.ts";
import type { InstanceId } from "../../pipeline/stage.ts";
import type { Page } from "../../stages/page/mod.ts";
import { endOfLog } from "../log_end.ts";
import type { Session } from "../session.ts";
import { partialPage } from "./make.ts";
import { type LiveState, pageHtml } from "./page.ts";
import { recordsOf } from "./records.ts";

interface ServeOptions {
  readonly port: number;
  readonly isReproducible: boolean;
  /** The command that makes the page as a file. */
  readonly command: string;
  /** Called when it listens. */
  onListen(url: string): void;
  readonly signal: AbortSignal;
}

/** The names that a browser on this machine may call it by: a page of another site that leads here by its name is refused. */
const ownNames = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

/** Serves until the signal. A page is made when it is asked for, and again only when results have changed. */
export async function serveReport(
  session: Session,
  id: InstanceId,
  { port, isReproducible, command, onListen, signal }: ServeOptions,
): Promise<void> {
  let made: { readonly of: string; readonly page: Page } | undefined;
  const render = async (): Promise<string> => {
    const states = await session.states([id]);
    states.delete(id); // it is made here, not stored
    const of = [...states].map(([id, state]) =>
      state.status === "fresh" ? `${id} ${state.key}` : ""
    )
      .join("\n");
    if (made?.of !== of) made = { of, page: await partialPage(session, id, states) };
    const records = recordsOf(states, session.instances, isReproducible);
    return pageHtml(made.page, records, {
      ...{ isReproducible, command, live: liveOf(session, states) },
      runs: pastRuns(session.store),
    });
  };
  let current: Promise<string> | undefined;
  /** Those who ask at the same time get the same page. */
  const page = () => current ??= render().finally(() => current = undefined);
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port,
    signal,
    onListen: ({ port }) => onListen(`http://127.0.0.1:${port}/`),
    onError: (error) => answer(500, `Cannot make the report: ${(error as Error).message}`),
  }, async (request) => {
    const { pathname } = new URL(request.url);
    if (!ownNames.test(request.headers.get("host") ?? "")) {
      return answer(403, "Not for other hosts");
    }
    if (!["GET", "HEAD"].includes(request.method)) return answer(405, "Only to be read");
    if (pathname !== "/") return answer(404, "There is one page: /");
    return new Response(await page(), {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      },
    });
  });
  await server.finished;
}

function answer(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain" } });
}

/** What is made, and what is at work by its log. */
function liveOf(
  { store }: Session,
  states: ReadonlyMap<InstanceId, InstanceState>,
): LiveState {
  const running: { id: InstanceId; lastLine: string }[] = [];
  let made = 0;
  for (const [id, state] of states) {
    if (state.status === "fresh") made++;
    if (state.status !== "run") continue;
    const end = endOfLog(store.logPath(state.key));
    if (end !== undefined && !end.hasEnded) running.push({ id, lastLine: end.lastLine });
  }
  return { made, all: states.size, running };
}
