/**
 * What a stage is: all that `stages/` sees of the runner.
 *
 * A stage file exports two things: a `Stage` (plain data and small functions that the runner calls while it plans) and `run`
 * (which a child process executes). Only `run` and the registry entries that an instance `uses` enter the code digest of its
 * action key, so a change of planning code makes nothing stale unless it changes what it declares.
 * A `Stage` is a plain object, not a call: so the bundler can leave it out of the digest.
 */
import type { Json, Log, Seed } from "../base/mod.ts";

export { type Log as StageLog, type Progress as StageProgress, silentLog } from "../base/mod.ts";

/** `stage/part/part`, as in `continue/trim/random`. */
export type InstanceId = string;

/** An output of an instance: `tokenize/it/global#train`. */
export type OutputRef = `${string}#${string}`;

/**
 * One kind of stage. `Recipe` is the validated recipe; the runner passes it through and never looks in. Every function is
 * pure: the same recipe and parts give the same answer.
 *
 * `Params`, `Hints` and `Uses` are the types of what `declare` gives to `run`, see `StageContext`.
 */
export interface Stage<
  // deno-lint-ignore no-explicit-any -- the runner holds stages of any recipe type
  Recipe = any,
  Params extends object = object,
  Hints extends object = object,
  Uses extends object = Modules,
> {
  /** First part of every instance id, kebab-case. */
  readonly name: string;
  /** One sentence for `--help` and the graph. */
  readonly description: string;
  /** The module that exports `run`: `import.meta.url`. */
  readonly module: string;
  /** The parts of every instance that the recipe asks for, in the order of the plan. */
  instances(recipe: Recipe): readonly (readonly string[])[];
  /**
   * Whether these parts name an instance that is made when a user asks for it by its whole name, though the recipe does not
   * list it. `declare` may throw a UsageError that says what the recipe lacks for it.
   */
  onRequest?(recipe: Recipe, parts: readonly string[]): boolean;
  /** Why an instance that looks valid cannot exist (`continue/spec/pretrained`), else undefined. */
  impossible?(recipe: Recipe, parts: readonly string[]): string | undefined;
  /**
   * The stage belongs to a study: its functions get a `Study` in place of a recipe, and each input names its cell,
   * `evaluate/trim/random@steps=5#losses`. Inputs of other stages are of the instance's own cell, but for the axes that they name. A recipe without a study has none of its instances.
   */
  readonly overStudy?: true;
  /**
   * Looks at an instance before anything costly runs. An instance of a stage that has this starts only when everything that
   * such instances of a run need of other stages is made, and all of them have been checked.
   *
   * @param inputs Folders of the inputs that are made by then, by name.
   * @throws UsageError saying what the recipe must change: the instance does not start
   */
  check?(
    declaration: Required<Pick<StageDeclaration<Params, Hints, Uses>, "params" | "files" | "uses">>,
    inputs: Readonly<Record<string, string>>,
  ): void | Promise<void>;
  /**
   * What changes in a declaration when parts of the work cross an exchange to other processes; undefined for an instance without such
   * parts. Its key stays as it is.
   */
  share?(
    declaration: StageDeclaration<Params, Hints, Uses>,
    work: SharedWork,
  ): Pick<StageDeclaration<Params, Hints, Uses>, keyof SharedDeclaration> | undefined;
  /**
   * Instances may run one after the other in one process, each with its own permissions: nothing that `run` leaves in its modules tells
   * what ran before, and it needs no `TMPDIR`. This does not count for instances with native code, and for those that fetch.
   */
  readonly sharesProcess?: true;
  /** All about one instance. Called once for each instance of a plan. */
  declare(recipe: Recipe, parts: readonly string[]): StageDeclaration<Params, Hints, Uses>;
}

/** Modules by role, imported: what `run` gets of `uses`. */
export type Modules = Readonly<Record<string, unknown>>;

/** What an instance is made from, and what it needs while it runs. Plain data. */
export type StageDeclaration<
  Params extends object = object,
  Hints extends object = object,
  Uses extends object = Modules,
> =
  & {
    /** Inputs from other instances, by name; default none. A name may have a slash: `tokens/it`, see `group`. */
    readonly inputs?: Readonly<Record<string, OutputRef>>;
    /** Files from outside the store, by name; default none. Their content enters the key, their path does not. */
    readonly files?: Readonly<Record<string, string>>;
    /** Names of the outputs; each is a folder that `run` fills. */
    readonly outputs: readonly string[];
    /** The stage's own parameters: the part of the recipe that enters the key and reaches `run`. */
    readonly params: Params;
    /**
     * Names of the seeds that `run` may ask for; `*` stands for any characters. The root seed enters the key if there are any.
     * Default none: files that are read as they are must not depend on the seed.
     */
    readonly seeds?: readonly string[];
    /**
     * Whether `run` calls native code (an engine), which Deno cannot confine; default false. A process without native code may
     * read its inputs and files, write its outputs and checkpoints, touch what `access` names, and nothing else: no programs,
     * no foreign functions.
     */
    readonly isNative?: boolean;
    /** What `run` needs besides, because it fetches. The key does not depend on where bytes come from. */
    readonly access?: StageAccess;
    /**
     * Modules by role that `run` may import by their URLs, and on which no byte of its outputs depends: they stay out of the key. No
     * role is one of `uses`.
     */
    readonly hintModules?: Readonly<Record<string, string>>;
    /** What it takes of the machine; default one thread. Instances run at once only where these and their memory fit. */
    readonly claims?: StageClaims;
    /** What the work will cost, as far as the recipe alone tells: for forecasts where no earlier run is known. */
    readonly forecast?: StageForecast;
    /** Relative cost, for the order of starting (the heaviest chain first) and the forecast; default 1. */
    readonly weight?: number;
  }
  /** What `run` may know besides, that cannot change a byte of its outputs: it stays out of the key. */
  & Given<"hints", Hints>
  /** Registry entries by role (`variant`, `engine`, `reader`): absolute module URLs. Each is digested by itself. */
  & Given<"uses", { readonly [Role in keyof Uses]: string }>;

/** A member that may be left out only where its type has no required members. */
// deno-lint-ignore ban-types -- `{}` is the value without members
type Given<Name extends string, Value> = {} extends Value ? { readonly [_ in Name]?: Value }
  : { readonly [_ in Name]: Value };

/** A recipe's matrix of overrides, as a stage `overStudy` sees it. */
export interface Study<Recipe> {
  /** The recipe as it is written, before any override. */
  readonly recipe: Recipe;
  /** Names of the axes, sorted. */
  readonly axes: readonly string[];
  /** In the order of the axes' names and of the values as written, the last axis fastest. */
  readonly cells: readonly StudyCell<Recipe>[];
}

export interface StudyCell<Recipe> {
  /** Value by axis, as instances show it. */
  readonly values: Readonly<Record<string, string>>;
  /** What follows the name of an instance of this cell: `@seed=18@steps=5`; empty where there is no study. */
  readonly suffix: string;
  readonly recipe: Recipe;
}

/** A share of the machine. The memory that is claimed is what is forecast, see `StageForecast`. */
export interface StageClaims {
  readonly threads: number;
}

/** How parts of an instance's work cross to other processes. It changes no byte of what is made. */
export interface SharedWork {
  /** Of the exchange. */
  readonly url: string;
  /** What a process needs to reach it. */
  readonly access: StageAccess;
  /** URL of the module that opens it, where that is no code of the stage. */
  readonly module?: string;
  /** Processes that the instance starts for these parts. */
  readonly workers: number;
  /** The name of a process that takes parts and makes no result; absent for the one that makes it. */
  readonly worker?: string;
}

/** What a stage may declare otherwise where the work is shared. */
type SharedDeclaration = Pick<
  StageDeclaration,
  "hints" | "hintModules" | "isNative" | "access" | "claims" | "forecast"
>;

/** The network, and what goes with it. */
export interface StageAccess {
  /** Folders, absolute, that stores of this machine share: fetched files. Read and written. */
  readonly folders: readonly string[];
  /** Paths of files that are only read. */
  readonly files?: readonly string[];
  /** Names of environment variables. */
  readonly environment: readonly string[];
}

/** The cost of an instance as its recipe and the size of its inputs tell it; what cannot be told is left out. */
export interface StageForecast {
  /** Floating-point operations, a multiply-add as 2. */
  readonly flops?: number;
  /** The same for each byte of inputs, by their names: of work whose size is that of its text. They count once all are there. */
  readonly flopsPerByte?: Readonly<Record<string, number>>;
  /** How many of them are done in a second, roughly, where no run has been measured. */
  readonly flopsPerSecond?: number;
  /** Bytes of its outputs. */
  readonly bytes?: number;
  /** Peak memory of its process, in bytes. */
  readonly memoryBytes?: number;
}

/** What `run` is given. The same context gives the same bytes in the output folders. */
export interface StageContext<
  Params extends object = object,
  Hints extends object = object,
  Uses extends object = Modules,
> {
  readonly params: Params;
  /** They cannot change a byte of the outputs. */
  readonly hints: Hints;
  /** Folder of each input, by the declared name. Read only. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Path of each file from outside the store, by the declared name. Read only. */
  readonly files: Readonly<Record<string, string>>;
  /** An empty folder for each declared output. It is published when `run` returns, dropped when it throws. */
  readonly outputs: Readonly<Record<string, string>>;
  /**
   * A folder bound to this action key that outlives a kill: what is in it was written by this very computation. What is there
   * counts as a checkpoint, except names that end in `.tmp` or begin with a point.
   */
  readonly checkpointFolder: string;
  /** The seed of a declared name. @throws RangeError for a name that was not declared. */
  seed(name: string): Seed;
  /** The modules of `uses`, by role, imported. */
  readonly modules: Uses;
  /** Their URLs, by role: for a process that `run` starts. Beside them those of `hintModules`. */
  readonly moduleUrls:
    & { readonly [Role in keyof Uses]: string }
    & Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /**
   * Aborted at the first Ctrl-C: finish the micro-batch, write a checkpoint of all that was reported as done, throw
   * `signal.reason`.
   */
  readonly signal: AbortSignal;
}

/** `run` as a stage file exports it. A returned record is the line `status` and the run's summary show. */
export type StageRun<
  Params extends object = object,
  Hints extends object = object,
  Uses extends object = Modules,
> = (context: StageContext<Params, Hints, Uses>) => Promise<StageSummary | void>;

/** Few numbers or words worth showing beside a finished instance. Stored in the manifest: no clock, no path. */
export type StageSummary = Readonly<Record<string, Json>>;

/** Values by axis, as a suffix names them: `@seed=18@steps=5`. */
export function valuesNamed(suffix: string): Readonly<Record<string, string>> {
  const pairs = suffix.split("@").filter((part) => part !== "").map((part) => {
    const at = part.indexOf("=");
    return [part.slice(0, at), part.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

/** The suffix of the cell that has these values, see `StudyCell`. */
export function suffixOf(values: Readonly<Record<string, string>>): string {
  return Object.keys(values).sort().map((axis) => `@${axis}=${values[axis]}`).join("");
}

/** The inputs (or files) whose names start with `prefix/`, by the rest of the name, sorted by it. */
export function group(
  inputs: Readonly<Record<string, string>>,
  prefix: string,
): Map<string, string> {
  const names = Object.keys(inputs).filter((name) => name.startsWith(`${prefix}/`)).sort();
  return new Map(names.map((name) => [name.slice(prefix.length + 1), inputs[name]]));
}
