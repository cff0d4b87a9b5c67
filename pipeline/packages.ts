/**
 * npm packages as the lock file pins them: the part of an action key that stands for code outside the project.
 */
import { join } from "node:path";
import { readTextIfThere } from "../base/mod.ts";

interface LockFile {
  readonly specifiers?: Readonly<Record<string, string>>;
  readonly npm?: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly integrity?: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
}

/** Packages by the bare names that the project's import map gives them. */
export class Packages {
  /** Texts of `deno.json` and `deno.lock`: what this class says is of them. */
  readonly files: ReadonlyMap<string, string>;
  readonly #imports: Readonly<Record<string, string>>;
  readonly #lock: LockFile;
  /** Locked entries (`zod@4.6.7`) by name, for dependencies that the lock file names without a version. */
  readonly #byName = new Map<string, string>();

  /** @param root The folder of `deno.json` and `deno.lock`. */
  constructor(root: string) {
    this.files = new Map(
      ["deno.json", "deno.lock"].map((name) =>
        [name, readTextIfThere(join(root, name)) ?? "{}"] as const
      ),
    );
    const [config, lock] = [...this.files.values()].map((text) => JSON.parse(text));
    this.#imports = config.imports ?? {};
    this.#lock = lock;
    for (const id of Object.keys(this.#lock.npm ?? {})) this.#byName.set(nameOf(id), id);
  }

  /** `<version> <integrity>` of the named packages and of everything they depend on, by name. */
  closure(names: Iterable<string>): Record<string, string> {
    const found = new Map<string, Set<string>>();
    const seen = new Set<string>();
    const visit = (id: string) => {
      if (seen.has(id)) return;
      seen.add(id);
      const locked = this.#lock.npm?.[id];
      const name = nameOf(id);
      if (!found.has(name)) found.set(name, new Set());
      found.get(name)!.add(
        `${id.slice(name.length + 1)} ${locked?.integrity ?? "unlocked"}`,
      );
      const needed = [...locked?.dependencies ?? [], ...locked?.optionalDependencies ?? []];
      // A dependency is named alone where one version of it is locked, else with its version.
      for (const need of needed) {
        visit(this.#lock.npm?.[need] !== undefined ? need : this.#byName.get(need) ?? need);
      }
    };
    for (const name of names) visit(this.#locked(name));
    return Object.fromEntries(
      [...found].sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, versions]) => [name, [...versions].sort().join(", ")]),
    );
  }

  /** The lock file's id of a package that the project imports: `zod@4.6.7`. */
  #locked(name: string): string {
    const specifier = this.#imports[name] ?? name;
    const wanted = specifier.replace(/^npm:\/?/, "");
    const version = this.#lock.specifiers?.[`npm:${wanted}`];
    if (version !== undefined) return `${nameOf(wanted)}@${version}`;
    return wanted;
  }
}

/** The package of an import specifier: `yaml`, `@scope/name`; undefined for Deno's own `node:` modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  if (/^(jsr|https?|data):/.test(specifier)) return specifier;
  const parts = specifier.replace(/^npm:\/?/, "").split("/");
  return parts.slice(0, parts[0].startsWith("@") ? 2 : 1).join("/");
}

/** `@scope/name@1.2.3` → `@scope/name`. */
function nameOf(id: string): string {
  const at = id.indexOf("@", 1);
  return at < 0 ? id : id.slice(0, at);
}
