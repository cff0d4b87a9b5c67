/**
 * What token frequencies alone say of each source's validation text, by tokenizer: its cross-entropy, and in bits per byte, which
 * different tokenizers can be compared by.
 *
 * Source: DEPT §4.3 (UNIGRAM-CE = −(1/N)·Σ log p̂(x_t)); the tokenizer of lowest cross-entropy is the one to take where there
 * are several. Frequencies are the training text's, add-one over the vocabulary.
 */
import { openTokenShards, readStatistics, unigramModel, unigramNats } from "../../datasets/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { loadPieces } from "../../tokenizers/mod.ts";
import { allSources, sourcesOf, sourcesWithOwnVocabulary } from "../sources.ts";
import { type Inputs, inputsOf, statisticsInputs, type TableKind } from "./kind.ts";
import type { Cell, Row, Table } from "./table.ts";

interface UnigramParams {
  /** All of them, those that are held out last. */
  readonly sources: readonly string[];
  readonly vocabularies: readonly ("global" | "own")[];
}

interface Fit {
  readonly natsPerToken: number;
  readonly bitsPerByte: number;
}

export const kind: TableKind<UnigramParams> = {
  names: ["unigram"],
  declare(recipe) {
    const own = sourcesWithOwnVocabulary(recipe);
    const all = [...sourcesOf(recipe), ...recipe.outOfDistribution];
    return {
      inputs: { ...tokenizedInputs(allSources(recipe), "global"), ...tokenizedInputs(own, "own") },
      params: { sources: all, vocabularies: own.length === 0 ? ["global"] : ["global", "own"] },
    };
  },
  build({ sources, vocabularies }, inputs): Table {
    const rows = vocabularies.flatMap((vocabulary): Row[] => {
      const fits = new Map(
        [...group(inputs, `${vocabulary}-validation`).keys()].map((source) => [
          source,
          fitOf(inputs, vocabulary, source),
        ]),
      );
      const row = (label: string, of: (fit: Fit) => number): Row => ({
        label: `${label}, ${vocabulary === "own" ? "own tokenizers" : "global tokenizer"}`,
        cells: sources.map((source): Cell => {
          const fit = fits.get(source);
          return { value: fit === undefined ? null : of(fit) };
        }),
      });
      return [
        row("UNIGRAM-CE", ({ natsPerToken }) => natsPerToken),
        row("bits per byte", ({ bitsPerByte }) => bitsPerByte),
      ];
    });
    return {
      name: "unigram",
      title: "Validation text under the frequencies of training tokens",
      columns: ["", ...sources],
      rows,
      notes: [
        "UNIGRAM-CE: nats a token; every token of the validation text, end symbols too; add-one over the vocabulary",
      ],
    };
  },
};

/** `<vocabulary>-<output>/<source>` of what the sources are as tokens, and the tokenizer that made them. */
function tokenizedInputs(sources: readonly string[], vocabulary: "global" | "own"): Inputs {
  return {
    ...inputsOf(
      `${vocabulary}-validation`,
      sources,
      (source) => `tokenize/${source}/${vocabulary}#validation`,
    ),
    ...statisticsInputs(`${vocabulary}-statistics`, sources, vocabulary),
    ...inputsOf(
      `${vocabulary}-tokenizer`,
      sources,
      (source) => `vocabulary/${vocabulary === "own" ? source : "global"}#tokenizer`,
    ),
  };
}

/** Tokens that are read at once. */
const blockTokens = 65_536;

function fitOf(
  inputs: Readonly<Record<string, string>>,
  vocabulary: string,
  source: string,
): Fit {
  const tokenizer = loadPieces(inputs[`${vocabulary}-tokenizer/${source}`]);
  const model = unigramModel(readStatistics(inputs[`${vocabulary}-statistics/${source}`]).counts);
  const shards = openTokenShards(inputs[`${vocabulary}-validation/${source}`]);
  try {
    let [nats, bytes] = [0, 0];
    for (let start = 0; start < shards.tokens; start += blockTokens) {
      const ids = shards.slice(start, Math.min(blockTokens, shards.tokens - start));
      nats += unigramNats(model, ids);
      for (const id of ids) bytes += tokenizer.byteLength(id);
    }
    return { natsPerToken: nats / shards.tokens, bitsPerByte: nats / Math.LN2 / bytes };
  } finally {
    shards.close();
  }
}
