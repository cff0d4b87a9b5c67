/**
 * Opens GGUF files in llama.cpp (npm `node-llama-cpp`) and does what it is asked: a JSON object on standard input, one on standard
 * output. Runs under Node.
 *
 *     { library, models: [{ path, cache, flash, texts, sequences, starts, most }] }
 *         library   the package's main module
 *         cache     "F32" or "F16": how keys and values are kept
 *         flash     whether flash attention is used
 *         starts    lists of ids that are gone on with, by the likeliest each time, until </s> or `most` ids
 *     → for each model
 *         ids       of each text
 *         decoded   the text of these
 *         losses    of each sequence: of every id but its first, in nats
 *         answers   to each start
 */
const { library, models } = JSON.parse(await new Response(process.stdin).text());
const { getLlama, LlamaLogLevel } = await import(library);
const llama = await getLlama({
  ...{ gpu: false, build: "never", progressLogs: false, logLevel: LlamaLogLevel.error },
  maxThreads: 1, // more would wait for each other in a loop
});

const found = [];
for (const request of models) found.push(await use(request));
process.stdout.write(JSON.stringify(found));
await llama.dispose();

async function use({ path, cache, flash, texts, sequences, starts, most }) {
  const model = await llama.loadModel({ modelPath: path });
  const longest = Math.max(
    ...sequences.map((ids) => ids.length),
    ...starts.map((ids) => ids.length + most),
  );
  const context = await model.createContext({
    ...{ contextSize: longest, batchSize: longest, flashAttention: flash, threads: 1 },
    ...{ experimentalKvCacheKeyType: cache, experimentalKvCacheValueType: cache },
  });
  const sequence = context.getSequence();

  const ids = texts.map((text) => [...model.tokenize(text)]);
  const decoded = ids.map((some) => model.detokenize(some));

  const losses = [];
  for (const tokens of sequences) {
    await sequence.clearHistory();
    const asked = tokens.slice(0, -1).map((token) => [token, { generateNext: { logits: true } }]);
    const outputs = await sequence.controlledEvaluate(asked);
    losses.push(outputs.map(({ next }, i) => lossOf(next.logits, tokens[i + 1])));
  }

  const answers = [];
  for (const start of starts) {
    await sequence.clearHistory();
    const answer = [];
    for await (const token of sequence.evaluate(start, { temperature: 0, yieldEogToken: true })) {
      answer.push(token);
      if (answer.length === most || token === model.tokens.eos) break;
    }
    answers.push(answer);
  }
  await context.dispose();
  await model.dispose();
  return { ids, decoded, losses, answers };
}

function lossOf(logits, token) {
  const all = [...logits.values()];
  const most = Math.max(...all);
  const weight = all.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  return most + Math.log(weight) - logits.get(token);
}
