/**
 * What the process of an instance runs: bundles of the very texts that its key is of. Files of the project may be edited while
 * a run works: it ends as it was planned, and so does what goes on from its checkpoints.
 */
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundledPackages, mainFields } from "./bundled_packages.ts";
import { type Esbuild, loadEsbuild } from "./bundler.ts";
import type { CodeDigest, CodeDigests } from "./code_digest.ts";
import {
  bundleOptions,
  entryInput,
  inUsersWords,
  isCodeFile,
  modulePath,
  projectModules,
} from "./code_modules.ts";
import type { MadePrograms } from "./made_programs.ts";
import { digestOfFiles, type Program } from "./program_folder.ts";

/** The code of an instance. */
export interface InstanceCode {
  /** URL of the stage's module. */
  readonly module: string;
  /** URLs of the modules that it uses, by role. */
  readonly uses: Readonly<Record<string, string>>;
  /** Those of the modules that it may import besides, of which its key says nothing. */
  readonly hintModules: Readonly<Record<string, string>>;
  /** What its key says of this code. */
  readonly digests: Iterable<CodeDigest>;
}

/** The file that starts a program. */
export const mainFile = "main.js";

const childModule = import.meta.resolve("./child.ts");

/** What children start: known beforehand, it saves the programs without other threads a second bundling. */
const threadPaths = ["./watchdog.ts", "./executors/heartbeat.ts"]
  .map((name) => fileURLToPath(new URL(name, import.meta.url)));

/** What makes programs: after a change of it they are made again. */
const makers = ["./program.ts", "./code_modules.ts", "./bundled_packages.ts"]
  .map((name) => fileURLToPath(new URL(name, import.meta.url)));

const mainNamespace = "main";

/** Makes programs, each once. */
export class Programs {
  readonly #root: string;
  readonly #code: CodeDigests;
  readonly #made = new Map<string, Promise<Program>>();
  /** Code that was read: many instances have the same. */
  readonly #held = new WeakSet<CodeDigest>();
  readonly #openKept: (() => MadePrograms) | undefined;
  #kept: MadePrograms | undefined;
  #esbuild: Promise<Esbuild> | undefined;

  /**
   * @param root The folder of `deno.json`.
   * @param openKept Opens what other processes have made, when a program is first asked for
   */
  constructor(root: string, code: CodeDigests, openKept?: () => MadePrograms) {
    this.#root = root;
    this.#code = code;
    this.#openKept = openKept;
  }

  /** Reads the code now: what happens to its files later is of no account. @throws StageError if it is not what the key is of. */
  hold({ digests }: Pick<InstanceCode, "digests">): void {
    for (const held of digests) {
      if (this.#held.has(held)) continue;
      for (const [path, digest] of Object.entries(held.files)) {
        this.#code.texts.hold(join(this.#root, path), digest);
      }
      this.#held.add(held);
    }
  }

  /** @throws StageError as `hold`. */
  of(code: InstanceCode): Promise<Program> {
    this.hold(code);
    const name = JSON.stringify([code.module, code.uses, code.hintModules]);
    const made = this.#made.get(name) ?? this.#findOrMake(name, code);
    this.#made.set(name, made);
    return made;
  }

  /** Ends the bundler, and keeps for other processes what was made. */
  async close(): Promise<void> {
    this.#kept?.save();
    await (await this.#esbuild)?.stop();
    this.#esbuild = undefined;
  }

  async #findOrMake(name: string, code: InstanceCode): Promise<Program> {
    const kept = this.#kept ??= this.#openKept?.();
    const found = kept?.find(name, this.#code);
    if (found !== undefined) return found;
    const { program, paths } = await this.#make(code);
    kept?.add(name, program, [...makers, ...paths], this.#code.texts);
    return program;
  }

  /** A program, and the files that it is made of. */
  async #make(
    { module, uses, hintModules }: InstanceCode,
  ): Promise<{ program: Program; paths: ReadonlySet<string> }> {
    const used = Object.entries(uses);
    const main = [
      `import { serve } from ${JSON.stringify(childModule)};`,
      `import { run } from ${JSON.stringify(module)};`,
      ...used.map(([, url], i) => `import * as module${i} from ${JSON.stringify(url)};`),
      `await serve({ run }, {${used.map(([role], i) => `${JSON.stringify(role)}: module${i}`)}});`,
    ].join("\n");
    // These modules have files of their own: they are imported late, and by other processes.
    const named = { ...uses, ...hintModules };
    const files = new Set([
      ...threadPaths,
      ...Object.values(named).map((url) => fileURLToPath(url)),
    ]);
    for (;;) {
      const made = await this.#bundle(main, [...files].filter(isCodeFile));
      const started = made.addressed.filter((path) => !files.has(path));
      if (started.length === 0) {
        const program = this.#program(made.outputs, files, named);
        return { program, paths: new Set([...files, ...made.read]) };
      }
      for (const path of started) files.add(path);
    }
  }

  /** @param entries Modules that get files of their own, beside the main one. */
  async #bundle(main: string, entries: readonly string[]) {
    const esbuild = await (this.#esbuild ??= loadEsbuild());
    const known = new Map<string, string>();
    const address = (form: string, path: string) => {
      const name = JSON.stringify(`./${this.#fileName(path)}`);
      known.set(name, path);
      const found = `import.meta.resolve(${name})`;
      return form === "resolve" ? found : `new URL(${found})`;
    };
    const { outputFiles, metafile } = await esbuild.build({
      entryPoints: [
        { in: `${mainNamespace}:${mainFile}`, out: mainFile.replace(/\.js$/, "") },
        ...entries.map((path) => ({
          in: entryInput({ module: pathToFileURL(path).href, exports: "all" }),
          out: this.#fileName(path).replace(/\.js$/, ""),
        })),
      ],
      ...bundleOptions,
      mainFields,
      absWorkingDir: this.#root,
      splitting: true,
      sourcemap: "linked",
      minifyWhitespace: true, // every process reads all of it
      metafile: true,
      outdir: "program",
      plugins: [
        {
          name: "main module",
          setup: (build) =>
            build.onLoad({ filter: /.*/, namespace: mainNamespace }, () => ({ contents: main })),
        },
        bundledPackages(this.#code.packages),
        projectModules(this.#code.texts, { address }),
      ],
    }).catch((cause: Error) => {
      throw new Error(`Cannot bundle code: ${inUsersWords(cause.message, this.#root)}`, { cause });
    });
    const outputs = new Map(
      outputFiles.map(({ path, text }) => [relative(join(this.#root, "program"), path), text]),
    );
    const addressed = [...known].filter(([name]) =>
      [...outputs.values()].some((text) => text.includes(name))
    ).map(([, path]) => path);
    const read = Object.keys(metafile.inputs).map(modulePath).filter((path) => path !== undefined);
    return { outputs, addressed, read };
  }

  #program(
    outputs: ReadonlyMap<string, string>,
    paths: ReadonlySet<string>,
    named: Readonly<Record<string, string>>,
  ): Program {
    const encoder = new TextEncoder();
    const files = new Map<string, Uint8Array>();
    for (const [name, text] of [...this.#code.packages.files, ...outputs]) {
      files.set(name, encoder.encode(name.endsWith(".map") ? withPathsOfSources(text) : text));
    }
    for (const path of paths) {
      if (!isCodeFile(path)) files.set(this.#fileName(path), this.#code.texts.of(path).bytes);
    }
    const modules = Object.entries(named)
      .map(([role, url]) => [role, this.#fileName(fileURLToPath(url))]);
    return {
      files,
      digest: digestOfFiles(files),
      modules: Object.fromEntries(modules),
    };
  }

  /** The name of a file in a program: programs have no folders. */
  #fileName(path: string): string {
    const name = relative(this.#root, path).replaceAll(/[^\w.-]/g, ".");
    return isCodeFile(path) ? name.replace(/\.[^.]*$/, ".js") : name;
  }
}

/** Stacks of errors then show the files that a user knows. */
function withPathsOfSources(map: string): string {
  const { sources, ...rest }: { sources: string[] } = JSON.parse(map);
  return JSON.stringify({
    ...rest,
    sources: sources.map((source) => {
      const path = modulePath(source);
      return path === undefined ? source : pathToFileURL(path).href;
    }),
  });
}
