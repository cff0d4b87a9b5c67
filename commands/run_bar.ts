/**
 * A whole run in a few lines: a bar, the time that is left, counts, and the last validation.
 */
import { formatDuration } from "../base/mod.ts";

export interface RunState {
  /** Instances that are up to date, and all that are to do. */
  readonly finished: number;
  readonly toDo: number;
  readonly running: number;
  /** Fresh from the beginning, or found to be fresh. */
  readonly cached: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** Undefined as long as nothing tells. */
  readonly time?: { readonly share: number; readonly leftMs: number };
  /** `3.214 nats (pretrain/trim round 4)` */
  readonly validation?: string;
}

/** Columns of the longest bar: longer ones say no more. */
const longestBar = 40;
/** A shorter one has a line to itself and its numbers. */
const shortestBar = 10;

/** One line where there is room for a bar and all else; what has none goes into further lines. */
export function barLines(state: RunState, columns: number): string[] {
  const { finished, toDo, time } = state;
  const share = time?.share ?? finished / Math.max(1, toDo);
  const numbers = [
    `${Math.floor(100 * share)} %`.padStart(5),
    `${finished}/${toDo}`,
    formatDuration(state.elapsedMs),
    ...(time === undefined ? [] : [`~${formatDuration(time.leftMs)} left`]),
  ].join("  ");
  const counts = countsOf(state).join(" · ");
  const besides = columns - 1 - numbers.length - 1;
  const room = besides - " · ".length - counts.length;
  const bar = (width: number) =>
    `${barOf(share, Math.min(Math.max(width, 0), longestBar))} ${numbers}`;
  return room >= shortestBar
    ? [`${bar(room)} · ${counts}`]
    : [bar(besides).trimStart(), ...packed(countsOf(state), columns - 1)];
}

/** The same where lines cannot be drawn again. */
export function barText({ finished, toDo, elapsedMs, time, ...rest }: RunState): string {
  const left = time === undefined ? "" : `, ~${formatDuration(time.leftMs)} left`;
  return `${finished}/${toDo} after ${formatDuration(elapsedMs)}${left} · ` +
    countsOf({ finished, toDo, elapsedMs, ...rest }).join(" · ");
}

/** Texts side by side in as few lines as have room for them, in their order. */
function packed(texts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const text of texts) {
    const longer = `${lines.at(-1) ?? ""} · ${text}`;
    if (lines.length > 0 && longer.length <= columns) lines.splice(-1, 1, longer);
    else lines.push(text);
  }
  return lines;
}

function countsOf({ finished, toDo, running, cached, failed, validation }: RunState): string[] {
  return [
    `${running} at work`,
    `${Math.max(0, toDo - finished - running - failed)} queued`,
    `${cached} cached`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(validation === undefined ? [] : [`validation ${validation}`]),
  ];
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of a width in columns; no column where there is room for none. */
function barOf(share: number, width: number): string {
  const filled = Math.min(Math.max(share, 0), 1) * width;
  const whole = Math.floor(filled);
  const part = eighths[Math.floor(8 * (filled - whole))];
  return "█".repeat(whole) + part + "░".repeat(Math.max(0, width - whole - (part === "" ? 0 : 1)));
}
