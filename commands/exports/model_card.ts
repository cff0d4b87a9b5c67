/**
 * The model card: `README.md` of a folder that leaves, as the hub reads it.
 */
import { formatCount } from "../../base/mod.ts";
import { countParameters, validateConfig } from "../../model/mod.ts";
import type { AnyModel, WrittenForm } from "./export_format.ts";
import type { MeasuredNumber, ModelFacts } from "./model_facts.ts";

const paper = "arxiv:2410.05021";

/** The text of a card. @param form What the folder holds, and how it is used. */
export async function modelCard(model: AnyModel, form: WrittenForm): Promise<string> {
  const { facts } = model;
  const parts = [
    `# ${title(facts)}`,
    introduction(model),
    "## Use",
    ...form.use,
    form.checked,
    "## What differs, and limits",
    [...limitsOf(model), ...form.limits].map((limit) => `- ${limit}`).join("\n"),
    "## Numbers",
    numbersText(facts),
    "## Text",
    sourcesText(facts),
    "## Where it comes from",
    originText(model),
  ];
  return `---\n${await head(facts, form)}---\n\n${parts.join("\n\n")}\n`;
}

function title({ target, source }: ModelFacts): string {
  return source === undefined ? target : `${target}, ${source}`;
}

/** The YAML that the hub reads. */
async function head(facts: ModelFacts, form: WrittenForm): Promise<string> {
  const { stringify } = await import("yaml");
  const datasets = hubDatasets(facts);
  const measured = facts.numbers.filter(({ source }) => source !== undefined);
  return stringify({
    ...(form.library === undefined ? {} : { library_name: form.library }),
    pipeline_tag: form.task ?? "text-generation",
    tags: ["dept", ...(facts.imported === undefined ? [paper, facts.variant] : []), ...form.tags],
    ...(datasets.length === 0 ? {} : { datasets }),
    ...(measured.length === 0 ? {} : {
      "model-index": [{
        name: title(facts),
        results: measured.map(({ measure, source, value }) => ({
          task: { type: "text-generation" },
          dataset: { type: source, name: `${source}, test` },
          metrics: [{ type: measure.replaceAll(" ", "_"), value }],
        })),
      }],
    }),
  });
}

/** Data sets of the hub that text came from: `owner/name`. */
function hubDatasets({ sources }: ModelFacts): string[] {
  const names = sources.flatMap(({ text }) =>
    [...text.matchAll(/hf:\/\/datasets\/([^/@`]+\/[^/@`]+)/g)].map(([, name]) => name)
  );
  return [...new Set(names)].sort();
}

function introduction({ config, facts, tokenizer, head }: AnyModel): string {
  const { nLayers, dModel, nHeads, expansion, seqLen, positions, ...options } = validateConfig(
    config,
  );
  const { total } = countParameters(config);
  const words = [
    `${nLayers} layer${nLayers === 1 ? "" : "s"} of width ${dModel}, ${nHeads} heads, MLP of ${
      expansion * dModel
    }`,
    positions === "alibi" ? "ALiBi" : `${positions} positions`,
    `${options.bias ? "with" : "no"} biases`,
    options.gelu === "exact" ? "exact GELU" : "GELU by tanh",
    ...(options.parallelResidual ? ["attention and MLP of a block side by side"] : []),
    ...(head !== undefined ? [] : [
      `head ${options.tiedEmbeddings ? "tied to the token embedding" : "with a table of its own"}`,
    ]),
    `${formatCount(total)} parameters`,
    `${tokenizer.vocabSize} pieces`,
    `trained on ${seqLen} tokens at a time`,
  ];
  const { imported, target } = facts;
  const tuned = head === undefined
    ? ""
    : ` Fine-tuned on the task \`${head.task}\` (${head.kind}): it scores texts, with a linear head on the state of their last token, and ` +
      "writes none.";
  if (imported !== undefined) {
    const isContinued = /^(continue|finetune)\/.*\/(random|pretrained)(\/|$)/.test(target);
    const then = isContinued ? ", then continued on the text below" : "";
    return `A language model of others, imported from \`${imported}\`${then}. ${
      words.join(", ")
    }.${tuned}`;
  }
  return `A language model of variant \`${facts.variant}\` of DEPT (Decoupled Embeddings for Pre-training Language Models, ` +
    `[arXiv 2410.05021](https://arxiv.org/abs/2410.05021)): ${
      words.join(", ")
    }. Decoder only, a norm before each part.${tuned}`;
}

/** What is true of the model in any form. */
function limitsOf({ facts, tokenizer }: AnyModel): string[] {
  const { source, cutFrom } = facts;
  return [
    ...(source === undefined ? [] : [
      `Each source has token embeddings of its own here. These are those of \`${source}\`: expect sense on its text only.`,
    ]),
    ...(cutFrom === undefined ? [] : [
      `The vocabulary is cut to the ${tokenizer.vocabSize} of ${cutFrom} pieces that the source's text has, and so is the ` +
      "tokenizer. Text that the whole vocabulary would write with other pieces is written with those that are left; training and " +
      "the numbers below counted such a piece as unknown.",
    ]),
    "A model of an experiment: what it writes is no advice, and may be anything that its text was.",
  ];
}

function numbersText({ numbers }: ModelFacts): string {
  if (numbers.length === 0) return "None were computed.";
  const rows = numbers.map(({ measure, source, value, interval, instance, key }) =>
    `| ${measure} | ${source ?? ""} | ${shown(value)}${
      interval === undefined ? "" : ` (${interval.map(shown).join(" to ")})`
    } | \`${instance}\`, ${key.slice(0, 12)} |`
  );
  return [
    "| measure | source | value | of which result |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    "In brackets: 95 % bootstrap intervals over documents. Losses by source are on test text, which chose nothing. The last " +
    "column names the instance that computed a number, and its key.",
  ].join("\n");
}

function shown(value: MeasuredNumber["value"]): string {
  return value >= 100 ? value.toFixed(1) : value.toFixed(3);
}

function sourcesText({ sources }: ModelFacts): string {
  if (sources.length === 0) return "Its text is not known here.";
  return [
    "| source | text | licence |",
    "| --- | --- | --- |",
    ...sources.map(({ name, text, licence }) =>
      `| ${name} | ${text} | ${licence ?? "not said by the recipe"} |`
    ),
    "",
    "No licence of the model itself is chosen here; `license:` in the head of this file is where it belongs.",
  ].join("\n");
}

function originText({ facts, config }: AnyModel): string {
  const { target, output, key, digest, recipe } = facts;
  const model = Object.entries(config).map(([name, value]) => `${name} ${value}`).join(", ");
  return [
    `Recipe \`${recipe.name}\`: ${recipe.description}`,
    "```sh",
    `deno task pipeline run ${target}${recipe.typed === "" ? "" : ` ${recipe.typed}`}`,
    "```",
    `- output \`${target}#${output}\`, key \`${key}\`, digest \`${digest}\``,
    `- network: ${model}`,
  ].join("\n");
}
