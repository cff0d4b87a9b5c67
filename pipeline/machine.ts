/**
 * What is noted of the machine and the runtime that have made a result: its last digits may depend on them.
 */
import { instructionSet } from "./instruction_set.ts";

export interface MachineNotes {
  readonly deno: string;
  readonly v8: string;
  readonly typescript: string;
  readonly platform: string;
  readonly cpu: string;
  /** The processor's vector instructions, see `instruction_set.ts`. */
  readonly instructionSet: string;
}

/** Notes of this machine. @param instructions Where they cannot be read: a confined process may not read `/proc` */
export function machineNotes(instructions: string = instructionSet()): MachineNotes {
  return {
    ...Deno.version,
    platform: Deno.build.os,
    cpu: Deno.build.arch,
    instructionSet: instructions,
  };
}
