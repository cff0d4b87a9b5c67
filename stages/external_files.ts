/**
 * Where the files of a model of others are, and how a stage gets them: a folder or file of this machine, a URL, or the hub.
 */
import { basename, dirname, join } from "node:path";
import { StageError, UsageError } from "../base/mod.ts";
import type { StageContext } from "../pipeline/stage.ts";
import { configName, externalNames, indexName, partNames } from "../training/mod.ts";
import { listRemote, type RemoteHints } from "./remote_files.ts";

type Fetching = Pick<
  StageContext<object, RemoteHints>,
  "hints" | "log" | "signal" | "checkpointFolder"
>;

/** A model's files on this machine. */
export interface ExternalPaths {
  readonly config: string;
  readonly weights: readonly { readonly name: string; readonly path: string }[];
  /** The tokenizer's file, beside those that belong to it. */
  readonly tokenizer: string;
}

/** Files of a model on this machine by their names. @param key Where the recipe says it. @throws UsageError */
export function localFiles(from: string, key: string): Readonly<Record<string, string>> {
  try {
    const { isFile } = statOf(from);
    const folder = isFile ? dirname(from) : from;
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    const found = externalNames(names, from, isFile ? basename(from) : undefined);
    const parts = found.weights === indexName
      ? partNames(Deno.readTextFileSync(plainFile(folder, indexName)), join(folder, indexName))
      : [found.weights];
    return Object.fromEntries(
      [configName, found.tokenizer, ...found.beside, ...parts].map((
        name,
      ) => [name, plainFile(folder, name)]),
    );
  } catch (cause) {
    if (!(cause instanceof StageError)) throw cause;
    throw new UsageError(`${cause.message} (${key})`, { cause });
  }
}

/** Whether a remote name can be of a model. @throws UsageError with the way out where it cannot */
export function checkRemote(from: string, key: string): void {
  const page = /^https:\/\/huggingface\.co\/([\w.-]+\/[\w.-]+)\/?$/.exec(from)?.[1];
  const isModel = /^hf:\/\/(?!datasets\/|spaces\/|models\/)[\w.-]+\/[\w.-]+(@[^/]+)?(\/.*)?$/.test(
    from,
  );
  if (page === undefined && (isModel || !from.startsWith("hf://"))) return;
  const [expected, found] = page === undefined
    ? ["hf://OWNER/NAME or hf://OWNER/NAME@REVISION", "another form"]
    : [`the model's files, which hf://${page} names`, "a page"];
  throw new UsageError(`Cannot import "${from}": expected ${expected}, found ${found} (${key})`);
}

/** The files that `localFiles` named: what is small is copied, so that it lies under its own name in one folder. */
export function localPaths(
  files: Readonly<Record<string, string>>,
  { checkpointFolder }: Pick<StageContext, "checkpointFolder">,
): ExternalPaths {
  return pathsOf(files, checkpointFolder);
}

/** Fetches a model of the hub or of a URL. @throws StageError when a file cannot be had */
export async function fetchedPaths(context: Fetching, from: string): Promise<ExternalPaths> {
  const base = from.replace(/\/+$/, "").replace(/\/[^/]+\.safetensors$/, "");
  const named = from.endsWith(".safetensors") ? basename(from) : undefined;
  const files: Record<string, string> = {};
  if (from.startsWith("hf://")) {
    const listed = await listRemote(context, `${base}/*`);
    const found = externalNames(listed.map(({ name }) => name), from, named);
    const fetch = async (name: string) => {
      const file = listed.find((one) => one.name === name);
      if (file === undefined) {
        throw new StageError(`Cannot import "${from}": expected "${name}", found no such file`);
      }
      files[name] = (await file.fetch()).path;
    };
    for (const name of [configName, found.tokenizer, ...found.beside]) await fetch(name);
    await fetchWeights(found.weights, fetch, files, from);
    return pathsOf(files, context.checkpointFolder);
  }
  const fetch = async (name: string) => {
    const [file] = await listRemote(context, `${base}/${name}`);
    files[name] = (await file.fetch()).path;
  };
  const fetchIfThere = async (name: string) => {
    try {
      await fetch(name);
      return true;
    } catch (error) {
      if (error instanceof StageError && / found 404$/.test(error.message)) return false;
      throw error;
    }
  };
  await fetch(configName);
  if (!await fetchIfThere("tokenizer.json")) await fetch("tokenizer.model");
  for (const name of ["tokenizer_config.json", "special_tokens_map.json"]) await fetchIfThere(name);
  const weights = named ?? (await fetchIfThere(indexName) ? indexName : "model.safetensors");
  await fetchWeights(weights, fetch, files, from);
  return pathsOf(files, context.checkpointFolder);
}

async function fetchWeights(
  weights: string,
  fetch: (name: string) => Promise<void>,
  files: Record<string, string>,
  from: string,
): Promise<void> {
  await fetch(weights);
  if (weights !== indexName) return;
  const parts = partNames(Deno.readTextFileSync(files[indexName]), `${indexName} of ${from}`);
  delete files[indexName];
  for (const name of parts) await fetch(name);
}

function pathsOf(files: Readonly<Record<string, string>>, folder: string): ExternalPaths {
  const weights: { name: string; path: string }[] = [];
  for (const [name, path] of Object.entries(files)) {
    if (name.endsWith(".safetensors")) weights.push({ name, path });
    else Deno.copyFileSync(path, join(folder, name));
  }
  const tokenizer = Object.keys(files).find((name) => /^tokenizer\.json$|\.model$/.test(name))!;
  return { config: join(folder, configName), weights, tokenizer: join(folder, tokenizer) };
}

function statOf(from: string): Deno.FileInfo {
  try {
    return Deno.statSync(from);
  } catch (cause) {
    throw new StageError(
      `Cannot import "${from}": expected a folder or a safetensors file, found nothing there`,
      { cause },
    );
  }
}

/** A file of a folder. A link could lead anywhere. */
function plainFile(folder: string, name: string): string {
  const path = join(folder, name);
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch (cause) {
    throw new StageError(`Cannot import "${path}": expected a file, found nothing there`, {
      cause,
    });
  }
  if (found.isFile) return path;
  const kind = found.isSymlink
    ? "a link; name the folder that it leads to, or copy what it names"
    : found.isDirectory
    ? "a folder"
    : "a pipe or device";
  throw new StageError(`Cannot import "${path}": expected a file, found ${kind}`);
}
