/**
 * A form in which trained models leave: files that another program opens.
 */
import type { TaskDescription } from "../../datasets/mod.ts";
import type { ModelConfig } from "../../model/mod.ts";
import type { Tokenizer, UnigramTokenizer } from "../../tokenizers/mod.ts";
import type { LabelScale, Tensors } from "../../training/mod.ts";
import type { Engine, EngineOptions } from "../../engine/mod.ts";
import type { ModelFacts } from "./model_facts.ts";

/** A whole model: one body, one table, and the tokenizer that the table belongs to. */
export interface ExportedModel {
  readonly config: ModelConfig;
  /** By our names: those of `parameterShapes(config)`, no others. */
  readonly tensors: Tensors;
  /** Its ids are the rows of the table: where a source's table is cut to V_k, so is this. */
  readonly tokenizer: UnigramTokenizer;
  /** What the model card says of it. */
  readonly facts: ModelFacts;
  /** Computes with the network: what is written is read back and compared. */
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  /** Of a fine-tuned model. */
  readonly head?: ExportedHead;
  /** Windows of test text of its sources, as rows of its table, to measure with; none where the store has no such text. */
  testText(): Promise<readonly Int32Array[]>;
}

/** A model with a tokenizer of others, whose ids are rows of the table. */
export interface ForeignModel extends Omit<ExportedModel, "tokenizer"> {
  readonly tokenizer: Tokenizer & Disposable;
  /** The tokenizer's files: their names and what they hold. */
  readonly tokenizerFiles: Readonly<Record<string, string | Uint8Array>>;
}

export type AnyModel = ExportedModel | ForeignModel;

/** What fine-tuning has put on a network: a linear map of the state of the last token. */
export interface ExportedHead extends TaskDescription {
  /** As the recipe names it. */
  readonly task: string;
  /** `head.weight` [classes, or 1 that scores; C], and `head.bias` if it has one. */
  readonly tensors: Tensors;
  /** Longest example in tokens. */
  readonly seqLen: number;
  /** From what it scores to a similarity. */
  readonly scale: LabelScale;
}

/** A network that was fine-tuned. It has no table for predicting tokens apart from that of its embeddings. */
export type HeadedModel = AnyModel & { readonly head: ExportedHead };

/** What the model card says of a folder in one form. */
export interface WrittenForm {
  /** `pipeline_tag` of the card's head; default `text-generation`. */
  readonly task?: string;
  /** `library_name` of the card's head, where the hub knows one. */
  readonly library?: string;
  /** Tags of the card's head besides those of every model. */
  readonly tags: readonly string[];
  /** The lines to use the model, in Markdown: a sentence and a code block for each program. */
  readonly use: readonly string[];
  /** What differs from the model here, or cannot be done; each a sentence or more of Markdown. Empty if nothing does. */
  readonly limits: readonly string[];
  /** What whoever exports should know at once, as a sentence; the terminal shows it. */
  readonly note?: string;
  /** What was compared after writing and with which result: a sentence for the card and the terminal. */
  readonly checked: string;
}

export interface ExportFormat {
  /** As `--as` takes it. */
  readonly name: string;
  /** A line for the help: what it is, who opens it. */
  readonly description: string;
  /**
   * Writes a model into a folder that exists and is empty, then reads back what it has written and compares it with the model.
   * The card, `README.md`, is written by the caller.
   * @throws StageError for a model that the form cannot hold, and when what was read back is not the model
   */
  write(model: ExportedModel, folder: string): Promise<WrittenForm>;
  /** The same of a model with a tokenizer of others; absent where the form has to know the pieces. */
  writeForeign?(model: ForeignModel, folder: string): Promise<WrittenForm>;
  /** The same of a model that was fine-tuned; absent where no reader of the form knows such a head. */
  writeHead?(model: HeadedModel, folder: string): Promise<WrittenForm>;
}
