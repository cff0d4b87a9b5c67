/**
 * Keys of a GGUF file that say what its tokenizer is.
 */
import type { GgufKeys } from "../../model/gguf/mod.ts";
import { type LlamaBpe, type SpecialIds, specialIds } from "../../tokenizers/mod.ts";
import type { LlamaVocabulary } from "../../tokenizers/sentencepiece/mod.ts";

/** A vocabulary of ours: unigram, which llama.cpp knows from T5. */
export function unigramKeys(vocabulary: LlamaVocabulary): GgufKeys {
  const { charsmap } = vocabulary;
  return {
    "tokenizer.ggml.model": string("t5"),
    "tokenizer.ggml.pre": string("default"),
    "tokenizer.ggml.tokens": { type: "array", of: "string", value: vocabulary.tokens },
    "tokenizer.ggml.scores": { type: "array", of: "float32", value: vocabulary.scores },
    "tokenizer.ggml.token_type": { type: "array", of: "int32", value: vocabulary.kinds },
    ...(charsmap.length === 0 ? {} : {
      "tokenizer.ggml.precompiled_charsmap": { type: "array", of: "uint8", value: charsmap },
    }),
    ...specialKeys(specialIds),
    "tokenizer.ggml.add_space_prefix": bool(vocabulary.addsSpacePrefix),
    "tokenizer.ggml.remove_extra_whitespaces": bool(vocabulary.removesExtraWhitespaces),
  };
}

/** A BPE on bytes of others, which llama.cpp knows from GPT-2. */
export function bpeKeys({ tokens, kinds, merges, pre }: LlamaBpe, special: SpecialIds): GgufKeys {
  return {
    "tokenizer.ggml.model": string("gpt2"),
    "tokenizer.ggml.pre": string(pre),
    "tokenizer.ggml.tokens": { type: "array", of: "string", value: tokens },
    "tokenizer.ggml.token_type": { type: "array", of: "int32", value: kinds },
    "tokenizer.ggml.merges": { type: "array", of: "string", value: merges },
    ...specialKeys(special),
    "tokenizer.ggml.add_space_prefix": bool(false),
  };
}

/** Ids with a part, and that nothing stands around a prompt: the types' own ids are those of other models, and some add a piece. */
function specialKeys({ unknown, begin, end, pad }: SpecialIds): GgufKeys {
  return {
    ...(unknown < 0 ? {} : { "tokenizer.ggml.unknown_token_id": uint32(unknown) }),
    "tokenizer.ggml.bos_token_id": uint32(begin),
    "tokenizer.ggml.eos_token_id": uint32(end),
    "tokenizer.ggml.padding_token_id": uint32(pad),
    "tokenizer.ggml.add_bos_token": bool(false),
    "tokenizer.ggml.add_eos_token": bool(false),
  };
}

export function string(value: string) {
  return { type: "string", value } as const;
}

function uint32(value: number) {
  return { type: "uint32", value } as const;
}

function bool(value: boolean) {
  return { type: "bool", value } as const;
}
