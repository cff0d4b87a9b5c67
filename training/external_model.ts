/**
 * A model of others: its `config.json` and safetensors as our network and parameters.
 *
 * Names and shapes of all tensors are checked before the numbers of any are read.
 */
import { messageOf, readWholeFile, StageError, textOfFile } from "../base/mod.ts";
import type { ModelConfig } from "../model/mod.ts";
import { type ConfigJson, fromLayout, type Layout, layouts } from "../model/layouts/mod.ts";
import { type Checkpoint, isObject, type NamedTensor, type Tensors } from "./checkpoint.ts";
import { SafetensorsFile } from "./safetensors_file.ts";
import type { ModelShape } from "./settings.ts";
import { positionEmbedding } from "./variant.ts";

/** The longest in use have some kilobytes. */
const mostConfigBytes = 2 ** 20;

export interface ExternalModel {
  readonly config: ModelConfig;
  readonly tensors: Tensors;
  /** The class of Python's transformers. */
  readonly architecture: string;
  /** Of the end of a text, where `config.json` says it. */
  readonly endId?: number;
}

/**
 * Reads a model.
 * @param weights Paths of its safetensors files, with their names for messages
 * @throws StageError for a network that ours cannot compute exactly, and for files that are damaged or do not fit each other
 */
export function readExternalModel(
  { config: path, weights }: {
    readonly config: string;
    readonly weights: readonly { readonly name: string; readonly path: string }[];
  },
): ExternalModel {
  const json = readConfigJson(path);
  const layout = layoutFor(json);
  const config = reading(() => layout.readConfig(json));
  using files = new DisposableStack();
  const found: Record<string, NamedTensor> = {};
  for (const { name, path } of weights) {
    const file = files.use(new SafetensorsFile(path, name));
    for (const [tensor, { shape }] of file.entries) {
      if (Object.hasOwn(found, tensor)) {
        throw new StageError(
          `Cannot import "${name}": expected each tensor once, found "${tensor}" in another file too`,
        );
      }
      // Read when it is asked for, after all shapes were compared.
      Object.defineProperty(found, tensor, {
        value: {
          shape,
          get data() {
            return file.read(tensor).data;
          },
        },
        enumerable: true,
      });
    }
  }
  if (config.nLayers > Object.keys(found).length) {
    throw new StageError(
      `Cannot import the model: expected tensors of the ${config.nLayers} layers of config.json, found ${
        Object.keys(found).length
      } tensors`,
    );
  }
  const tensors = reading(() => fromLayout(layout, config, found));
  return { config, tensors, architecture: layout.architecture, ...endOf(json) };
}

/** A model with windows of another length, where its positions reach as far. @throws StageError where they do not */
export function withContext(
  { groups, state }: Checkpoint<{ readonly model: ModelConfig }>,
  seqLen: number,
): { readonly model: ModelShape; readonly tensors: Tensors } {
  const { model } = state;
  const tensors = groups.model;
  if (model.positions !== "learned") return { model: { ...model, seqLen }, tensors };
  if (seqLen > model.seqLen) {
    throw new StageError(
      `Cannot use the model with model.seqLen=${seqLen}: expected at most ${model.seqLen}, the positions that it has learned`,
    );
  }
  const { data } = tensors[positionEmbedding];
  const shape = [seqLen, model.dModel];
  const cut = { shape, data: data.slice(0, seqLen * model.dModel) };
  return { model: { ...model, seqLen }, tensors: { ...tensors, [positionEmbedding]: cut } };
}

function readConfigJson(path: string): ConfigJson {
  let value: unknown;
  try {
    value = JSON.parse(textOfFile(readWholeFile(path, mostConfigBytes)));
  } catch (cause) {
    throw new StageError(`Cannot read config.json: expected JSON, found ${messageOf(cause)}`, {
      cause,
    });
  }
  if (isObject(value)) return value as ConfigJson;
  throw new StageError("Cannot read config.json: expected an object, found another kind of JSON");
}

function layoutFor({ model_type: type }: ConfigJson): Layout {
  const layout = typeof type === "string" ? layouts.get(type) : undefined;
  if (layout !== undefined) return layout;
  throw new StageError(
    `Cannot import the model: expected model_type of config.json to be one of ${
      [...layouts.keys()].join(", ")
    }, found ${JSON.stringify(type) ?? "none"}`,
  );
}

function reading<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StageError(`Cannot import the model: ${error.message}`, { cause: error });
  }
}

function endOf({ eos_token_id: id }: ConfigJson): { readonly endId?: number } {
  return Number.isSafeInteger(id) && (id as number) >= 0 ? { endId: id as number } : {};
}
