/**
 * Tables of results as HTML: every row says where it comes from.
 */
import { type Cell, cellParts, footnotesOf, type Table } from "../../stages/report/mod.ts";
import type { Origins } from "../../stages/page/mod.ts";
import { attribute, type Markup, markup } from "./markup.ts";
import { anchorOf, type OriginLinks } from "./origins.ts";

/** Longer tables are folded. */
const mostOpenRows = 30;

export function tableHtml(table: Table, origins: Origins, links: OriginLinks): Markup {
  const rows = table.rows.map(({ label, cells, from }) => {
    const places = links.of(origins, from);
    return markup`<tr${fromAttribute(places)}>${rowHead(label, from === undefined ? [] : places)}${
      cells.map((cell) => cellHtml(cell, links.of(origins, cell.from ?? []), places))
    }</tr>`;
  });
  const grid = gridHtml(table.title, table.columns, rows);
  const isFolded = rows.length > mostOpenRows;
  return markup`<div class="part" id="table-${table.name}"><h3>${table.title}</h3>${
    isFolded
      ? markup`<details id="rows-${table.name}"><summary>${rows.length} rows</summary>${grid}</details>`
      : grid
  }${notesHtml(table.name, footnotesOf(table))}</div>`;
}

/** Notes that stand open; more of them are folded. */
const mostOpenNotes = 3;

/** What a reader must know to read numbers. @param id Of the part, for a fold that stays as it is. */
export function notesHtml(id: string, notes: readonly string[]): Markup {
  if (notes.length === 0) return markup``;
  const list = markup`<ul class="notes">${notes.map((note) => markup`<li>${note}</li>`)}</ul>`;
  if (notes.length <= mostOpenNotes) return list;
  return markup`<details class="reading" id="notes-${id}"><summary>How to read it</summary>${list}</details>`;
}

/** A table in a frame that scrolls by itself, also from the keyboard. @param rows of \`tr\` */
export function gridHtml(
  title: string,
  columns: readonly string[],
  rows: readonly Markup[],
): Markup {
  const [first, ...others] = columns;
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${title}"><table><thead><tr>${
    first === "" ? markup`<td></td>` : markup`<th scope="col">${first}</th>`
  }${
    others.map((column) => markup`<th scope="col">${column}</th>`)
  }</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** The label of a row, as a link to the first result that the row is made from. */
export function rowHead(label: string, places: readonly number[]): Markup {
  return markup`<th scope="row">${
    places.length === 0 ? label : markup`<a href="#${anchorOf(places[0])}">${label}</a>`
  }</th>`;
}

/** What the page's script reads to show where a number comes from. */
export function fromAttribute(places: readonly number[]): Markup {
  return attribute("data-from", places.length === 0 ? undefined : places.join(" "));
}

function cellHtml(cell: Cell, own: readonly number[], ofRow: readonly number[]): Markup {
  const { ours, interval, paper } = cellParts(cell);
  const kind = typeof cell.value === "string" ? "text" : cell.best ? markOf(cell) : "";
  const from = own.length > 0 && own.join() !== ofRow.join() && fromAttribute(own);
  return markup`<td${attribute("class", kind === "" ? undefined : kind)}${from}>${ours}${
    interval !== "" && markup`<small>${interval}</small>`
  }${cell.best && markup`<b title="marked: see below">*</b>`}${
    paper !== "" && markup` <i title="the paper's number">${paper}</i>`
  }</td>`;
}

/** How a marked cell looks. A difference above 0 is marked because it is beyond noise, not because it is good. */
function markOf({ value, text = "" }: Cell): "best" | "worse" {
  return typeof value === "number" && value > 0 && text.startsWith("+") ? "worse" : "best";
}
