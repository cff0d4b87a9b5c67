/**
 * Opens exported folders with transformers.js and does what it is asked: a JSON object on standard input, one on standard output. Runs
 * under Deno without this project's configuration, which does not know that package.
 *
 *     { library, place, models: [{ folder, tokens, start, most, texts }] }
 *     → for each model { logits, withCache, withoutCache, ids, decoded, continued }
 */
interface Request {
  /** The package, as `import` takes it. */
  readonly library: string;
  /** The folder that holds those of the models. */
  readonly place: string;
  readonly models: readonly {
    readonly folder: string;
    /** Their logits are computed. */
    readonly tokens: readonly number[];
    /** Tokens that are gone on with, by the likeliest each time, until the end of a text or so many. */
    readonly start: readonly number[];
    readonly most: number;
    /** Are encoded, and decoded again. */
    readonly texts: readonly string[];
    /** Is gone on with, as the card says. */
    readonly prompt: string;
  }[];
}

const { library, place, models }: Request = await new Response(Deno.stdin.readable).json();
const { AutoModelForCausalLM, AutoTokenizer, env, pipeline, Tensor } = await import(library);
env.localModelPath = place;
env.allowRemoteModels = false;

/** int64 [1, T] */
function integers(values: readonly number[]) {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
}

const found = [];
for (const { folder, tokens, start, most, texts, prompt } of models) {
  const model = await AutoModelForCausalLM.from_pretrained(folder);
  const read = async (ids: readonly number[]) =>
    (await model({ input_ids: integers(ids), attention_mask: integers(ids.map(() => 1)) })).logits;
  const logits = [...(await read(tokens)).data];

  const inputs = integers(start);
  const made = await model.generate({ inputs, max_new_tokens: most, do_sample: false });
  const withCache = made.tolist()[0].map(Number).slice(start.length);

  const withoutCache: number[] = [];
  const { eos_token_id: end } = model.config;
  while (withoutCache.length < most && withoutCache.at(-1) !== end) {
    const { data, dims } = await read([...start, ...withoutCache]);
    const last: Float32Array = data.subarray(data.length - dims[2]);
    withoutCache.push(last.reduce((best, logit, id) => logit > last[best] ? id : best, 0));
  }

  const tokenizer = await AutoTokenizer.from_pretrained(folder);
  const ids: number[][] = texts.map((text) => tokenizer.encode(text));
  const decoded = ids.map((some) => some.length === 0 ? "" : tokenizer.decode(some));
  const generate = await pipeline("text-generation", folder, { dtype: "fp32" });
  const [{ generated_text: continued }] = await generate(prompt, { max_new_tokens: 16 });
  found.push({ logits, withCache, withoutCache, ids, decoded, continued });
}
console.log(JSON.stringify(found));
