/**
 * How a report's results were made: what needs what, when each was made, and under which key.
 */
import { formatBytes, formatDuration } from "../../base/mod.ts";
import type { PastRun } from "../../pipeline/run_history.ts";
import { drawSvg } from "../graph_svg.ts";
import type { Graph } from "../graph_text.ts";
import { attribute, counted, Markup, markup } from "./markup.ts";
import { anchorOf } from "./origins.ts";
import type { ReportRecord } from "./records.ts";
import { sessionsOf, type WorkSession } from "./sessions.ts";
import { gridHtml } from "./tables.ts";

/**
 * @param runs Those of the store, the newest first.
 * @param isReproducible Whether only what belongs to results is shown.
 */
export function makingHtml(
  records: readonly ReportRecord[],
  runs: readonly PastRun[],
  isReproducible: boolean,
): Markup {
  return markup`<section id="making"><h2>How it was made</h2>
<p class="intro">Every result has a key: the digest of its code, packages, parameters, seeds and inputs. The same key means the same result.</p>
${stepsHtml(records, isReproducible)}
${!isReproducible && timelineHtml(records, runs)}
${provenanceHtml(records, isReproducible)}
</section>`;
}

/** One box for each stage. */
function stepsHtml(records: readonly ReportRecord[], isReproducible: boolean): Markup {
  const stageOf = new Map(records.map(({ id, stage }) => [id, stage]));
  const stages = [...Map.groupBy(records, ({ stage }) => stage)].map(([stage, members]) => {
    const needs = members.flatMap((it) => it.needs.map((id) => stageOf.get(id)!));
    const durationMs = members.reduce((sum, it) => sum + (it.circumstances?.durationMs ?? 0), 0);
    const made = members.filter(({ isMade }) => isMade).length;
    return {
      stage,
      needs: [...new Set(needs.filter((needed) => needed !== stage))].sort(),
      made,
      all: members.length,
      time: isReproducible || made === 0 ? "" : formatDuration(durationMs),
    };
  });
  const graph: Graph = stages.map(({ stage, needs, made, all, time }) => ({
    id: stage,
    needs,
    state: made === all ? "fresh" : "waiting",
    note: `×${all}${time === "" ? "" : `, ${time}`}`,
  }));
  const rows = stages.map(({ stage, needs, made, all, time }) =>
    markup`<tr><th scope="row">${stage}</th><td>${made} of ${all}</td>${
      !isReproducible && markup`<td>${time}</td>`
    }<td class="text">${needs.join(", ")}</td></tr>`
  );
  return markup`<div class="part" id="steps"><h3>Steps</h3><p class="hint">An arrow points to what needs it; ×: how many results${
    !isReproducible && ", and the time that all of them took"
  }.</p><div class="scroll dag" tabindex="0" role="region" aria-label="Steps as a picture">${new Markup(
    drawSvg(graph),
  )}</div><details id="steps-table"><summary>The same as a table</summary>${
    gridHtml("Steps", ["step", "made", ...(isReproducible ? [] : ["time"]), "needs"], rows)
  }</details></div>`;
}

/** More rows are left out, the shortest ones first. */
const mostBars = 150;

function timelineHtml(records: readonly ReportRecord[], runs: readonly PastRun[]): Markup {
  const sessions = sessionsOf(records, runs);
  return sessions.length === 0 ? markup`` : markup`<div class="part" id="timeline"><h3>Timeline</h3>
<p class="hint"><strong>No result:</strong> times are of the machine and of what else it did.</p>
${sessions.map(sessionHtml)}</div>`;
}

function sessionHtml(
  { run, startedAt, endedAt, made, found }: WorkSession,
  i: number,
): Markup {
  const total = Math.max(1, endedAt - startedAt);
  const shown = new Set(
    made.toSorted((a, b) => b.circumstances.durationMs - a.circumstances.durationMs)
      .slice(0, mostBars),
  );
  const rows = made.filter((record) => shown.has(record)).map(({ id, circumstances }) => {
    const { durationMs, peakMemoryBytes } = circumstances;
    const left = 100 * (circumstances.startedAt - startedAt) / total;
    const width = Math.max(0.3, 100 * durationMs / total);
    const start = formatDuration(circumstances.startedAt - startedAt);
    const memory = peakMemoryBytes === undefined ? "–" : formatBytes(peakMemoryBytes);
    const place = `margin-left:${left.toFixed(2)}%;width:${
      Math.min(width, 100 - left).toFixed(2)
    }%`;
    const name = id.split("/").map((part, i) => markup`${i > 0 && markup`/<wbr>`}${part}`);
    return markup`<tr><th scope="row">${name}</th><td>${start}</td><td>${
      formatDuration(durationMs)
    }</td><td>${memory}</td><td class="bar"><span style="${place}"></span></td></tr>`;
  });
  const busy = made.reduce((sum, it) => sum + it.circumstances.durationMs, 0);
  const who = run === undefined ? "Elsewhere, or before this store counted runs" : `Run ${run}`;
  const title = `${who}, ${new Date(startedAt).toISOString().slice(0, 16).replace("T", " ")} UTC: ${
    counted(made.length, "result")
  } in ${formatDuration(total)}${found.length === 0 ? "" : `, ${found.length} found in the store`}`;
  const left = made.length - rows.length;
  return markup`<details id="session-${run ?? "other"}"${
    attribute("open", i === 0 ? true : undefined)
  }><summary>${title}</summary><p class="hint">${formatDuration(busy)} of work${
    run !== undefined && `, ${(busy / total).toFixed(1)} at once on average`
  }${left > 0 && `; the ${left} shortest are left out`}.${
    found.length > 0 && ` Not made again, as the store had it: ${stagesText(found)}.`
  }</p>${gridHtml(title, ["result", "start", "took", "memory", "when"], rows)}</details>`;
}

/** `documents ×14, tokenize ×20` */
function stagesText(records: readonly ReportRecord[]): string {
  return [...Map.groupBy(records, ({ stage }) => stage)]
    .map(([stage, { length }]) => `${stage} ×${length}`).join(", ");
}

function provenanceHtml(records: readonly ReportRecord[], isReproducible: boolean): Markup {
  const made = records.filter(({ isMade }) => isMade);
  const sets = [...new Set(made.map(({ packages }) => packages.join("\n")))]
    .filter((set) => set !== "");
  const nameOf = (packages: readonly string[]) => {
    const at = sets.indexOf(packages.join("\n"));
    return at < 0 ? "none" : `set ${at + 1}`;
  };
  const rows = records.map((record, place) => {
    const { id, key, seeds, packages, circumstances, isMade } = record;
    return markup`<tr id="${anchorOf(place)}"><th scope="row">${id}</th><td class="text">${
      isMade ? markup`<code>${key!.slice(0, 16)}</code>` : "not there"
    }</td><td class="text wide">${seeds ?? "draws nothing"}</td><td class="text">${
      isMade && nameOf(packages)
    }</td>${!isReproducible && circumstanceCells(circumstances)}</tr>`;
  });
  const columns = [
    ...["result", "key", "seeds", "packages"],
    ...(isReproducible ? [] : ["processor", "versions", "started, UTC", "took"]),
  ];
  return markup`<div class="part" id="provenance"><h3>Where every number comes from</h3>
<p class="hint">Point at a number, or follow the name of its row, to see which of these it is made from. ${
    !isReproducible &&
    markup`Processor, versions, start and time are <strong>no results</strong>: they are not in a key.`
  }</p>
<details id="provenance-list"><summary>${counted(records.length, "result")}</summary>${
    gridHtml("Where every number comes from", columns, rows)
  }</details>
<details id="packages"><summary>Packages</summary><dl>${
    sets.map((set, i) => markup`<dt>set ${i + 1}</dt><dd>${set.replaceAll("\n", ", ")}</dd>`)
  }</dl></details></div>`;
}

function circumstanceCells(of: ReportRecord["circumstances"]): Markup {
  if (of === null) return markup`<td></td><td></td><td></td><td></td>`;
  const started = new Date(of.startedAt).toISOString().slice(0, 19).replace("T", " ");
  return markup`<td class="text">${of.machine}</td><td class="text">${of.versions}</td><td class="text">${started}</td><td>${
    formatDuration(of.durationMs)
  }</td>`;
}
