/**
 * Processes that the system ends when their parent has ended, however that ended: Linux sends the signal that a process has asked
 * for (`PR_SET_PDEATHSIG`), and `setpriv` of util-linux asks for it, then becomes the program that it is told. Elsewhere a thread of
 * the child looks who its parent is (`watchdog.ts`), which costs the start of a thread.
 */

/** The command line that starts a program so bound, without the program's own arguments. */
export function bound(program: string): readonly string[] {
  return ["setpriv", "--pdeathsig", "KILL", program];
}

/** Whether processes can be bound here: busybox, for one, has a `setpriv` that cannot. */
export async function canBind(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const [command, ...args] = bound("setpriv");
  const io = { stdin: "null", stdout: "null", stderr: "null" } as const;
  try {
    return (await new Deno.Command(command, { args: [...args, "--version"], ...io }).output())
      .success;
  } catch {
    return false; // it is not there
  }
}
