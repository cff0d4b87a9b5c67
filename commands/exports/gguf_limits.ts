/**
 * What llama.cpp computes otherwise, as the model card says it.
 */
import { formatCount } from "../../base/mod.ts";
import { type ModelConfig, validateConfig } from "../../model/mod.ts";
import type { LlamaBpe, UnigramTokenizer } from "../../tokenizers/mod.ts";
import type { GgufEffects } from "./gguf_effects.ts";

/** @param losesText Whether there are characters that llama.cpp does not read */
export function ggufLimits(
  given: ModelConfig,
  effects: GgufEffects | undefined,
  losesText: boolean,
): string[] {
  const config = validateConfig(given);
  return [
    ...differences(config, effects, losesText),
    "llama.cpp keeps keys and values in half precision unless asked otherwise (`--cache-type-k f32 --cache-type-v f32 " +
    "--flash-attn off`); that moves log probabilities further than its GELU does.",
    config.positions === "learned"
      ? `Positions end after ${config.seqLen} tokens: with a longer context (\`--ctx-size\`, which some programs round up) llama.cpp ` +
        "ends its process at the token after them."
      : `Trained on ${config.seqLen} tokens at a time. Longer texts work.`,
    "llama.cpp's own programs take a special piece that a prompt spells out, such as `</s>`, for that piece.",
  ];
}

/** What llama.cpp does otherwise with a vocabulary of ours. */
export function unigramLimits({ settings }: UnigramTokenizer): string[] {
  const { addDummyPrefix, removeExtraWhitespaces } = settings;
  return [
    "A `▁` in a text is a space to its tokenizer, and in runs of white space it may choose other pieces." +
    (addDummyPrefix && !removeExtraWhitespaces
      ? " A text that begins with a space gets another in front."
      : ""),
  ];
}

/** What llama.cpp does otherwise with a BPE of others. */
export function bpeLimits({ pre, needsNfc }: LlamaBpe): string[] {
  return [
    `The tokenizer is one of others, a BPE on bytes. Text is cut into words as llama.cpp does it under the name \`${pre}\`: the pattern of ` +
    "its file, without changes to decoded text. Letters that Unicode has not assigned may be cut otherwise. What the file puts around a " +
    "text, if anything, training had not, and neither has llama.cpp here.",
    ...(needsNfc
      ? [
        "The tokenizer brings a text into Unicode's form NFC first. llama.cpp does not: give it text in that form, which nearly all text " +
        "has.",
      ]
      : []),
  ];
}

function differences(
  { gelu, positions }: Required<ModelConfig>,
  effects: GgufEffects | undefined,
  losesText: boolean,
): string[] {
  const bits = (value: number) => value.toFixed(6);
  const percent = (value: number, of: number) => `${(100 * (value / of - 1)).toPrecision(1)} %`;
  const measured = effects === undefined
    ? ["Not measured: the store had no test text of the model's sources.", ""]
    : [
      `Over ${formatCount(effects.tokens)} tokens of test text (${
        formatCount(effects.bytes)
      } bytes) the model has ${bits(effects.exact)} bits per ` +
      `byte, and ${bits(effects.table)} with that table in its place (${
        percent(effects.table, effects.exact)
      }); a token's log probability ` +
      `is off by ${effects.furthest.toExponential(1)} at most.`,
      effects.lost === 0
        ? " That text has none."
        : ` In that text ${effects.lost} tokens are such. Read as \`<unk>\` there are fewer tokens to predict, and another text: ${
          bits(effects.withLost)
        } bits per byte of what it was.`,
    ];
  const approximated = gelu === "exact"
    ? "the approximation by tanh, rounded to 16 bits"
    : "rounded to 16 bits";
  return [
    `GELU: llama.cpp takes it from a table (${approximated}). ${measured[0]}`,
    ...(losesText
      ? [
        "Characters beyond ASCII that have no piece of their own: this model writes them in pieces of bytes, llama.cpp's tokenizer reads " +
        `a run of them as one \`<unk>\`.${measured[1]} What it writes is right.`,
      ]
      : []),
    ...(positions === "rotary"
      ? [
        "The file names GPT-NeoX, whose biases and head are written out where the model has none of its own.",
      ]
      : [
        "The file names MPT, which takes biases and either kind of positions here; converters of others for MPT would not.",
      ]),
  ];
}
