/**
 * Packages that programs have inside, where all others are imported by name. One of many small files takes a process a third of its
 * start. What a key says of a package is the same either way: its version and integrity in the lock file.
 */
import { findPackageJSON, isBuiltin } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { packageNamespace } from "./code_modules.ts";
import type { Packages } from "./packages.ts";

type Plugin = import("esbuild").Plugin;
type Kind = import("esbuild").ImportKind;

/** Those that say themselves that loading them does nothing, so that only what is used of them gets in. */
const bundledNames = ["apache-arrow"];

/** How their entries are found: modules first. */
export const mainFields = ["module", "main"];

/** The plugin of a bundler; it stands before that of the project's modules. */
export function bundledPackages(packages: Packages): Plugin {
  return {
    name: "packages inside",
    setup(build) {
      const entry = (folder: string, kind: Kind) =>
        build.resolve("./", { resolveDir: folder, namespace: packageNamespace, kind });
      build.onResolve({ filter: /^[^./]/ }, ({ path, importer, namespace, kind }) => {
        if (namespace === packageNamespace) {
          // What such a package needs is inside too.
          const folder = isBuiltin(path) ? undefined : folderOf(path, pathToFileURL(importer).href);
          return folder === undefined ? { path, external: true } : entry(folder, kind);
        }
        if (!bundledNames.includes(path)) return undefined;
        const folder = lockedFolder(path, packages);
        return folder === undefined ? undefined : entry(folder, kind);
      });
    },
  };
}

/** Where the package lies if it is the very version that the lock file names. */
function lockedFolder(name: string, packages: Packages): string | undefined {
  const folder = folderOf(name, import.meta.url);
  if (folder === undefined) return undefined;
  const { version } = JSON.parse(Deno.readTextFileSync(`${folder}/package.json`));
  return packages.closure([name])[name]?.split(" ")[0] === version ? folder : undefined;
}

function folderOf(name: string, importer: string): string | undefined {
  try {
    const found = findPackageJSON(name, importer);
    return found === undefined ? undefined : dirname(found);
  } catch {
    return undefined;
  }
}
