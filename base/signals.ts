/**
 * Signals that a terminal sends to all of its processes.
 */

/**
 * Leaves signals to the process that has started this one, and decides what they mean for both: without this they would end it.
 * Default: Ctrl-C, and the end of the terminal.
 */
export function leaveSignals(names: readonly Deno.Signal[] = ["SIGINT", "SIGHUP"]): void {
  for (const name of names) Deno.addSignalListener(name, () => {});
}
