/**
 * `report`: one HTML file of everything that a recipe has made, or the same page while a run is going.
 */
import { resolve } from "node:path";
import { UsageError, writeAll } from "../base/mod.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import { pastRuns } from "../pipeline/run_history.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Page } from "../stages/page/mod.ts";
import { callerFolder } from "./caller_folder.ts";
import { openOutput } from "./file_output.ts";
import { madeOnTheSpot } from "./on_the_spot.ts";
import { wholeNumber } from "./option_values.ts";
import { addPlanOptions, type PlanOptions, typedOptions } from "./plan_options.ts";
import { someOf } from "./plan_view.ts";
import type { PipelineCommand, Project } from "./project.ts";
import {
  keptStates,
  openKept,
  pageHtml,
  partialPage,
  recordsOf,
  reportOf,
  reportStage,
  serveReport,
  storedPage,
} from "./report/mod.ts";
import { print, printError } from "./screen.ts";
import { openSession, type Session } from "./session.ts";
import { StopWishes } from "./stop_signals.ts";

interface ReportOptions extends PlanOptions {
  readonly output: string;
  readonly reproducible?: boolean;
  readonly serve?: boolean;
  readonly kept?: boolean;
  readonly port: string;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("-o, --output <file>", "write it there", "report.html")
        .option("--reproducible", "leave out what is no result: times, processor, versions")
        .option("--serve", "show it on this machine, and renew it while a run is going")
        .option("--port <n>", "of --serve; 0 takes a free one", "8017")
        .option("--kept", "of what the store has, whatever code made it: for results of others")
        .addHelpText("after", examples),
    ),
  act: report,
};

/**
 * Writes a file, or serves until it is stopped.
 * @throws UsageError if nothing is made yet, and for a name that no report has
 */
async function report(
  loadProject: () => Promise<Project>,
  name: string | undefined,
  options: ReportOptions,
): Promise<number> {
  const port = wholeNumber("--port", options.port, 0, 65_535);
  const project = await loadProject();
  if (options.serve && options.kept) {
    throw new UsageError(
      "Cannot show a run that is going: expected no --kept, which asks for none",
    );
  }
  const session = options.kept
    ? await openKept(project, options)
    : await openSession(project, options, {
      create: false,
      targets: [`${reportStage}/study`, `${reportStage}/recipe`],
    });
  const id = reportOf(session, name);
  if (options.serve) return await serve(session, id, port, options);
  using file = openOutput(resolve(callerFolder(project.root), options.output));
  const made = options.kept ? await keptPage(session, id) : await pageOf(session, id, options);
  const isReproducible = options.reproducible === true;
  const records = recordsOf(withoutReport(made.states, id), session.instances, isReproducible);
  const runs = pastRuns(session.store);
  writeAll(
    file,
    pageHtml(made.page, records, { isReproducible, command: commandOf(options), runs }),
  );
  file.finish();
  print(`The report is in ${options.output}`);
  return 0;
}

interface MadePage {
  readonly page: Page;
  readonly states: ReadonlyMap<InstanceId, InstanceState>;
}

/** The stored report, made now if it is not there; of a run that is not done, what it has made by now. */
async function pageOf(
  session: Session,
  id: InstanceId,
  options: ReportOptions,
): Promise<MadePage> {
  const states = await session.states([id]);
  const missing = [...states].filter(([other, { status }]) => other !== id && status !== "fresh")
    .map(([other]) => other);
  if (missing.length === 0) {
    const made = await madeOnTheSpot(session, [id], options, { what: id, targets: [id] });
    return { page: await storedPage(session, id, made.states), states: made.states };
  }
  const run = `deno task pipeline run${typedOptions(options)}`;
  if (missing.length === states.size - 1) {
    throw new UsageError(
      `Cannot make a report: expected results of "${session.recipe.name}" in ${session.storeName}, ` +
        `found none; do: ${run}`,
    );
  }
  printError(
    `${missing.length} of ${states.size - 1} results are not made yet (${
      someOf(missing)
    }): the report is of the others; the rest: ${run}`,
  );
  return { page: await partialPage(session, id, states), states };
}

/** The report that was kept, else what this checkout makes of the results. */
async function keptPage(session: Session, id: InstanceId): Promise<MadePage> {
  const states = keptStates(session, id);
  const isStored = states.get(id)!.status === "fresh";
  const page = await (isStored ? storedPage : partialPage)(session, id, states);
  return { page, states };
}

/** A report is not among the results that it is made from. */
function withoutReport(
  states: ReadonlyMap<InstanceId, InstanceState>,
  id: InstanceId,
): ReadonlyMap<InstanceId, InstanceState> {
  return new Map([...states].filter(([other]) => other !== id));
}

async function serve(
  session: Session,
  id: InstanceId,
  port: number,
  options: ReportOptions,
): Promise<number> {
  const ending = new AbortController();
  const wishes = new StopWishes({ stop: () => ending.abort(), kill: () => ending.abort() });
  using _ = wishes.listen();
  await serveReport(session, id, {
    port,
    isReproducible: options.reproducible === true,
    command: commandOf(options),
    onListen: (url) => print(`The report is at ${url} (Ctrl-C ends it)`),
    signal: ending.signal,
  });
  return 0;
}

/** The command that makes the file again, wherever the store lies. */
function commandOf(options: ReportOptions): string {
  const { recipe, set, engine, threads } = options;
  const typed = typedOptions({ recipe, set, engine, threads, store: ".artifacts" });
  const more = [options.kept ? " --kept" : "", options.reproducible ? " --reproducible" : ""];
  return `deno task pipeline report${typed}${more.join("")}`;
}

const examples = `
One file that needs no network and no other file: send it, print it, open it on a phone. Of a run that is not done it shows what is
made. A study has a report of its own; NAME is then "study" (default) or one of its cells, as in recipe@seed=18.

Examples:
  deno task pipeline report                        of the sample recipe, into report.html
  deno task pipeline report -o mine.html --recipe mine.yaml
  deno task pipeline report --reproducible         the same results give the same bytes: nothing of time and machine
  deno task pipeline report --kept --store DIR     of a store that "pull" has filled, without its data
  deno task pipeline report --serve                while a run is going, in another terminal`;
