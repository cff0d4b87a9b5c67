/**
 * Numbers that one process of this machine holds at a time, for things with machine-wide names: bridges, network namespaces, folders.
 *
 * A slot is held by a lock on a file, which the kernel lets go when its holder ends, however it ends. So what a killed test has left
 * is found: it is what lies in a slot that nobody holds.
 */
import { join } from "node:path";

export interface Slot extends Disposable {
  readonly number: number;
}

/** How many slots there are. */
const slots = 200;

/**
 * The first slot that nobody holds. What dead holders have left in any slot is removed first.
 *
 * @param prefix Where the files of locks lie: `<prefix>-<number>.lock` in `/tmp`
 * @param clean Removes what a dead holder may have left in a slot; the slot is held meanwhile
 */
export async function takeSlot(
  prefix: string,
  clean: (number: number) => Promise<void>,
): Promise<Slot> {
  const path = (number: number) => join("/tmp", `${prefix}-${number}.lock`);
  for (const number of leftSlots(prefix)) {
    using left = tryHold(number, path(number));
    if (left !== undefined) await clean(number);
  }
  for (let number = 0; number < slots; number++) {
    const slot = tryHold(number, path(number));
    if (slot === undefined) continue;
    await clean(number);
    return slot;
  }
  throw new Error(`Cannot take a slot of ${prefix}: expected one of ${slots} to be free`);
}

/** Numbers of which a lock's file is there: its holder lives, or has left things. */
function leftSlots(prefix: string): number[] {
  const name = new RegExp(`^${prefix}-(\\d+)\\.lock$`);
  const found = [...Deno.readDirSync("/tmp")].flatMap((entry) => name.exec(entry.name)?.[1] ?? []);
  return found.map(Number);
}

function tryHold(number: number, path: string): Slot | undefined {
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  if (!file.tryLockSync(true) || !isStill(file, path)) {
    file.close();
    return undefined;
  }
  return {
    number,
    [Symbol.dispose]() {
      Deno.removeSync(path); // under the lock: nobody else takes this file for theirs
      file.close();
    },
  };
}

/** Whether a file that was locked is the one that has the name: its last holder may have removed it in between. */
function isStill(file: Deno.FsFile, path: string): boolean {
  try {
    return file.statSync().ino === Deno.statSync(path).ino;
  } catch {
    return false;
  }
}
