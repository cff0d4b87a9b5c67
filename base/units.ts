/**
 * Numbers as people read them. For messages only: nothing here enters an artifact.
 */

/** `1.2 MB`: decimal units. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, ["B", "kB", "MB", "GB", "TB", "PB", "EB"]);
}

/** `12.3k`, `4.5M`: a count with at most three digits before the point. */
export function formatCount(count: number): string {
  return scaled(count, ["", "k", "M", "G", "T", "P", "E"]).replace(" ", "");
}

/** `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 13 min`, `3 days 4 h`, `71.7 years`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  if (hours < 2 * hoursOfYear) return `${Math.floor(hours / 24)} days ${hours % 24} h`;
  return `${formatCount(hours / hoursOfYear)} years`;
}

const hoursOfYear = 365.25 * 24;

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  while (Math.abs(value) >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`.trimEnd();
}
