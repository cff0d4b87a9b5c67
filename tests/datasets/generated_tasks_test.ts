import assert from "node:assert/strict";
import { type Seed, seedOf, UsageError } from "../../base/mod.ts";
import type { GeneratedTask, TaskExample } from "../../datasets/task.ts";
import { task as choice } from "../../datasets/generators/choice.ts";
import { task as entailment } from "../../datasets/generators/entailment.ts";
import { generatedTasks, taskModule } from "../../datasets/generators/mod.ts";
import { source as language } from "../../datasets/generators/language.ts";
import { task as sentiment } from "../../datasets/generators/sentiment.ts";
import { task as similarity } from "../../datasets/generators/similarity.ts";

const seed = seedOf(17, "generated_tasks_test");

for (const name of Object.keys(generatedTasks)) {
  const { task }: { task: GeneratedTask<object> } = await import(taskModule(name));

  Deno.test(`${name}: examples depend on options, seed, split and number alone`, () => {
    const train = take(task, {}, "train", 200);
    assert.deepEqual(take(task, {}, "train", 50), train.slice(0, 50));
    for (
      const other of [
        take(task, {}, "dev", 200),
        take(task, {}, "train", 200, seedOf(18, "other")),
      ]
    ) {
      const texts = new Set(train.map(({ texts }) => texts.join("|")));
      const shared = other.filter((example) => texts.has(example.texts.join("|"))).length;
      assert.ok(shared < 5, `${shared} of 200 examples are in both`);
    }
  });

  Deno.test(`${name}: examples have the form that the description promises`, () => {
    const { kind, nClasses } = task.description;
    for (const { texts, options, label } of take(task, {}, "test", 500)) {
      assert.equal(texts.length, kind === "entailment" || kind === "similarity" ? 2 : 1);
      assert.equal(options?.length, kind === "choice" ? nClasses : undefined);
      assert.equal(new Set(options).size, options?.length ?? 0);
      if (kind === "similarity") assert.ok(label >= 0 && label <= 5, `score ${label}`);
      else assert.ok(Number.isInteger(label) && label >= 0 && label < nClasses, `label ${label}`);
      for (const text of texts) assert.match(text, /^\p{Lu}.*[.?]$/u);
    }
  });

  Deno.test(`${name}: refuses unknown options and noise out of range`, () => {
    assert.throws(() => task.ceiling({ labelNose: 0.1 }), UsageError);
    const noise = task.description.kind === "similarity" ? "scoreNoise" : "labelNoise";
    assert.throws(
      () => task.ceiling({ [noise]: 0.6 }),
      new UsageError(
        `Cannot use option "${noise}" of generated task ${name}: expected a number from 0 to 0.5, found 0.6`,
      ),
    );
    assert.throws(() => task.examples({ [noise]: "no" }, "train", seed), UsageError);
  });

  Deno.test(`${name}: labels without noise score the ceiling against labels with it`, () => {
    const noise = task.description.kind === "similarity" ? "scoreNoise" : "labelNoise";
    const count = 4000;
    const right = take(task, { [noise]: 0 }, "train", count);
    const noisy = take(task, { [noise]: 0.3 }, "train", count);
    assert.deepEqual(right.map(({ texts }) => texts), noisy.map(({ texts }) => texts));
    const [a, b] = [right, noisy].map((examples) => examples.map(({ label }) => label));
    const score = task.description.kind === "similarity"
      ? pearson(a, b)
      : a.filter((label, i) => label === b[i]).length / count;
    // Share of 4,000: deviation √(0.3 · 0.7 / 4000) = 0.007.
    const ceiling = task.ceiling({ [noise]: 0.3 });
    assert.ok(Math.abs(score - ceiling) < 0.022, `ceiling ${ceiling}, found ${score}`);
    assert.equal(task.ceiling({ [noise]: 0 }), 1);
  });

  if (task.description.kind === "similarity") continue;
  Deno.test(`${name}: classes are about as frequent as each other`, () => {
    const { nClasses } = task.description;
    const counts = new Array(nClasses).fill(0);
    for (const { label } of take(task, {}, "train", 3000)) counts[label]++;
    for (const count of counts) assert.ok(Math.abs(count - 3000 / nClasses) < 120, `${counts}`);
  });
}

Deno.test("tasks use words that documents in velsan use", () => {
  const known = new Set<string>();
  let documents = 0;
  for (const { text } of language.documents({ language: "velsan" }, "train", seed)) {
    for (const word of wordsOf(text)) known.add(word);
    if (++documents === 600) break;
  }
  for (const task of [sentiment, entailment, choice] as GeneratedTask<object>[]) {
    const words = take(task, {}, "train", 300).flatMap(({ texts }) => texts.flatMap(wordsOf));
    const share = words.filter((word) => known.has(word)).length / words.length;
    assert.ok(share > 0.95, `${share} of the words are known`);
  }
});

Deno.test("sentiment: words alone tell the class in 75 to 88 % of new texts", () => {
  const score = naiveBayes(take(sentiment, {}, "train", 1500), take(sentiment, {}, "test", 2000));
  assert.ok(score > 0.75 && score < 0.88, `accuracy ${score}`);
});

Deno.test("entailment: words of the second text alone do not tell the class", () => {
  const second = (examples: TaskExample[]) =>
    examples.map(({ texts, label }) => ({ texts: [texts[1]], label }));
  const score = naiveBayes(
    second(take(entailment, {}, "train", 1500)),
    second(take(entailment, {}, "test", 2000)),
  );
  assert.ok(score > 0.36 && score < 0.62, `accuracy ${score}`);
});

Deno.test("choice: the passage gives the right option to the subject and verb of the question", () => {
  for (const { texts, options, label } of take(choice, {}, "train", 300)) {
    const sentences = texts[0].match(/[^.?]+[.?]/g)!.map((sentence) => sentence.trim());
    const asked = sentences.at(-1)!.replace(/^Čë /, "").replace("?", "");
    const facts = sentences.slice(0, -1).map((sentence) => sentence.toLowerCase());
    assert.deepEqual(
      facts.filter((fact) => fact.startsWith(`${asked} `)),
      [`${asked} ${options![label]}.`],
    );
    const mentioned = options!.filter((option) =>
      facts.some((fact) => fact.endsWith(` ${option}.`))
    );
    assert.equal(mentioned.length, 3);
  }
});

Deno.test("similarity: equal words raise the score, and synonyms do what equality cannot", () => {
  const examples = take(similarity, { scoreNoise: 0 }, "train", 2000);
  const equal = examples.map(({ texts }) => {
    const [a, b] = texts.map((text) => wordsOf(text));
    return a.filter((word, i) => word === b[i]).length;
  });
  const score = pearson(equal, examples.map(({ label }) => label));
  assert.ok(score > 0.75 && score < 0.97, `correlation ${score}`);
});

function take<Options>(
  task: GeneratedTask<Options>,
  options: Options,
  split: "train" | "dev" | "test",
  count: number,
  from: Seed = seed,
): TaskExample[] {
  const examples: TaskExample[] = [];
  for (const example of task.examples(options, split, from)) {
    examples.push(example);
    if (examples.length === count) break;
  }
  return examples;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu)!;
}

/** Accuracy of a classifier that multiplies word frequencies per class (add-one). */
function naiveBayes(train: TaskExample[], test: TaskExample[]): number {
  const nClasses = Math.max(...train.map(({ label }) => label)) + 1;
  const counts = Array.from({ length: nClasses }, () => new Map<string, number>());
  const totals = new Array(nClasses).fill(0);
  for (const { texts, label } of train) {
    for (const word of wordsOf(texts[0])) {
      counts[label].set(word, (counts[label].get(word) ?? 0) + 1);
      totals[label]++;
    }
  }
  const right = test.filter(({ texts, label }) => {
    const scores = counts.map((seen, c) =>
      wordsOf(texts[0]).reduce(
        (sum, word) => sum + Math.log(((seen.get(word) ?? 0) + 1) / (totals[c] + 1000)),
        0,
      )
    );
    return scores.indexOf(Math.max(...scores)) === label;
  });
  return right.length / test.length;
}

function pearson(a: number[], b: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  const product = (x: number[], mx: number, y: number[], my: number) =>
    x.reduce((sum, value, i) => sum + (value - mx) * (y[i] - my), 0);
  return product(a, ma, b, mb) / Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
}
