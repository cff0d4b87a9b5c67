/**
 * How the bundler finds and reads the project's modules. Packages stay outside.
 *
 * A module that is loaded by its address has that address as a text: `import.meta.resolve("./a.ts")`, or
 * `new URL("./a.ts", import.meta.url)`. So it is known which code a thread or process runs.
 */
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isFile } from "../base/mod.ts";
import type { CodeTexts } from "./code_texts.ts";

type Plugin = import("esbuild").Plugin;

/** What of a module counts: the `run` of a stage, or all that it exports and does when it is loaded. */
export interface CodeEntry {
  /** URL of the module; of what code refers to, also of another file. */
  readonly module: string;
  readonly exports: "run" | "all";
}

/** How an address is written: as a text, or as a URL. */
export type AddressForm = "resolve" | "url";

/** What becomes of modules that are loaded otherwise than by a static import. Paths are absolute. */
export interface LoadingRules {
  /** The code that stands for the address of a file. */
  address(form: AddressForm, path: string): string;
  /** What a late import of a module imports in its place; if there is no such rule, the module is part of the bundle. */
  lateImport?(path: string): string;
}

/**
 * Where a module lies, as constants: a bundle must not depend on the folder, and esbuild keeps a declaration that reads
 * `import.meta.url`, as reading it might do something.
 */
const lyingNowhere = {
  "import.meta.url": '"import.meta.url"',
  "import.meta.dirname": '"import.meta.dirname"',
  "import.meta.filename": '"import.meta.filename"',
};

/** What the code that is digested and the program that is run have in common. */
export const bundleOptions = {
  bundle: true,
  write: false,
  sourcesContent: false,
  format: "esm",
  platform: "neutral",
  target: "esnext",
  tsconfigRaw: "{}",
  define: lyingNowhere,
  charset: "utf8",
  legalComments: "none",
  logLevel: "silent",
} as const;

/** `import * as` and `export default` name variables after the end of a path: the same for every file. */
const pathEnd = "/module";
const namespace = "code";
/** Files of packages, where some are bundled: the bundler finds them by its own rules. */
export const packageNamespace = "file";
const codeFile = /\.[mc]?[jt]sx?$/;

/** An address by a text that stands there; what is computed is no address of code. */
const addresses =
  /\b(import\.meta\.resolve)\(\s*"(\.[^"]*)",?\s*\)|\bnew URL\(\s*"([^":]+)",\s*import\.meta\.url,?\s*\)/g;

/** What an entry is to the bundler. */
export function entryInput({ module, exports }: CodeEntry): string {
  return exports === "run" ? `run:${module}` : `${namespace}:${fileURLToPath(module)}${pathEnd}`;
}

/** The path of a module from what the bundler calls it; undefined for what is no module of the project. */
export function modulePath(input: string): string | undefined {
  const at = input.indexOf(`${namespace}:`);
  return at < 0 ? undefined : withoutEnd(input.slice(at + namespace.length + 1));
}

/** A message of the bundler with the names that users know. */
export function inUsersWords(message: string, root: string): string {
  return message.replaceAll(`${namespace}:${root}/`, "").replaceAll(`${pathEnd}:`, ":");
}

/** Whether a path is a module's, by its ending. */
export function isCodeFile(path: string): boolean {
  return codeFile.test(path);
}

/** The bundler's plugin. @param texts Where it reads. */
export function projectModules(texts: CodeTexts, rules: LoadingRules): Plugin {
  return {
    name: "modules of the project",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer, namespace: from, kind }) => {
        if (from === packageNamespace && kind !== "entry-point") return undefined;
        if (kind === "entry-point") {
          const at = path.indexOf(":");
          return { path: path.slice(at + 1), namespace: path.slice(0, at) };
        }
        if (!/^(\.|file:)/.test(path)) return { path, external: true, sideEffects: false };
        const target = path.startsWith("file:")
          ? fileURLToPath(path)
          : resolve(dirname(withoutEnd(importer)), path);
        if (kind === "dynamic-import" && rules.lateImport !== undefined) {
          return { path: rules.lateImport(target), external: true };
        }
        return { path: join(target, pathEnd), namespace, sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: "run" }, ({ path }) => ({
        contents: `export { run } from ${JSON.stringify(path)}`,
      }));
      build.onLoad({ filter: /.*/, namespace }, ({ path, with: attributes }) => {
        const file = withoutEnd(path);
        const text = new TextDecoder().decode(texts.of(file).bytes);
        if (attributes.type === "text") return { contents: text, loader: "text" };
        const contents = text.replace(addresses, (whole, resolves, relativeTo, ofUrl) => {
          const target = resolve(dirname(file), relativeTo ?? ofUrl);
          return isFile(target) ? rules.address(resolves ? "resolve" : "url", target) : whole;
        });
        return { contents, loader: extname(file).slice(1) as "ts" };
      });
    },
  };
}

function withoutEnd(path: string): string {
  return path.slice(0, -pathEnd.length);
}
