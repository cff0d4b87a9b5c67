/**
 * The code that trains in a silo, by its digest: parties compare it before they begin.
 */
import { canonicalJson, sha256 } from "../base/mod.ts";
import { engineModule } from "../engine/mod.ts";
import { CodeDigests } from "../pipeline/code_digest.ts";
import type { CodeEntry } from "../pipeline/code_modules.ts";
import { FileDigests } from "../pipeline/file_digests.ts";
import type { Project } from "./project.ts";

/** @param cacheOf The path of a cache by its name. */
export async function trainingCode(
  project: Project,
  engine: string,
  cacheOf: (name: string) => string | undefined,
): Promise<string> {
  const files = new FileDigests(cacheOf("files"), true);
  const code = new CodeDigests(project.root, files, cacheOf("code"));
  const { module } = project.stages.find(({ name }) => name === "participate")!;
  const entries: CodeEntry[] = [
    { module, exports: "run" },
    { module: engineModule(engine), exports: "all" },
  ];
  await code.prepare(entries);
  files.save();
  code.save();
  return sha256(
    canonicalJson(
      entries.map((entry) => {
        const { digest, packages } = code.of(entry);
        return [digest, code.packages.closure([...packages])];
      }),
    ),
  );
}
