/**
 * What processes of instances accessed, as Deno records it for runs with `DEPT_AUDIT=DIR`.
 */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { givenPaths } from "../../pipeline/permissions.ts";
import type { ChildRequest } from "../../pipeline/protocol.ts";
import { namesIn } from "./toy_cli.ts";

export interface Access {
  readonly permission: string;
  readonly value?: string;
}

/** What the processes of a run were given and what they accessed, by instance. */
export function audits(folder: string): Map<string, { request: ChildRequest; accesses: Access[] }> {
  const suffix = ".request.json";
  return new Map(
    namesIn(folder).filter((name) => name.endsWith(suffix)).map((name) => {
      const instance = name.slice(0, -suffix.length);
      const lines = Deno.readTextFileSync(join(folder, `${instance}.access.jsonl`)).trim();
      return [instance.replaceAll("+", "/"), {
        request: JSON.parse(Deno.readTextFileSync(join(folder, name))),
        accesses: lines.split("\n").map((line) => JSON.parse(line)),
      }];
    }),
  );
}

/** Accesses that a declaration does not cover. A process with all permissions records opening to read as writing too. */
export function undeclared(
  { request, accesses }: { request: ChildRequest; accesses: Access[] },
): string[] {
  const { read } = givenPaths(request);
  const isGiven = (value: string) => {
    const path = value.startsWith("file:") ? fileURLToPath(value) : value;
    return read.some((given) => path === given || path.startsWith(`${given}/`));
  };
  return accesses.filter(({ permission, value = "" }) => {
    if (permission === "read" || permission === "write") return !isGiven(value);
    if (permission === "env") return value !== "TMPDIR" && value !== "ORT_DISABLE_TELEMETRY";
    // The engine's own library, from a package that the lock file pins; the variable above is set for it, and keeps it silent.
    return !(permission === "ffi" && basename(value) === "onnxruntime_binding.node");
  }).map(({ permission, value }) => `${permission} ${value}`);
}
