import assert from "node:assert/strict";
import { type Seed, seedOf, UsageError } from "../../base/mod.ts";
import type { Document, GeneratedSource } from "../../datasets/document.ts";
import { arithmeticProcess } from "../../datasets/generators/arithmetic.ts";
import { codeProcess } from "../../datasets/generators/code.ts";
import {
  languageNames,
  languageProcess,
  source as languageSource,
} from "../../datasets/generators/language.ts";
import { source as arithmeticSource } from "../../datasets/generators/arithmetic.ts";
import { source as codeSource } from "../../datasets/generators/code.ts";
import {
  generatedSources,
  generatedTasks,
  sourceModule,
  taskModule,
} from "../../datasets/generators/mod.ts";
import { assertDecodable, decode, type Process, type State } from "../support/decoder.ts";

const seed = seedOf(17, "sources_test");

interface Case {
  readonly name: string;
  readonly source: GeneratedSource<unknown>;
  readonly options: unknown;
  readonly process: () => Process;
  /** Sentences of a script without spaces say more in fewer characters. */
  readonly characters: readonly [number, number];
}

const cases: Case[] = [
  ...languageNames().map((language) => {
    const length = language === "shenmu" ? { minSentences: 26, maxSentences: 64 } : {};
    const options = { language, ...length };
    return {
      name: language,
      source: languageSource as GeneratedSource<unknown>,
      options,
      process: () => languageProcess(options),
      characters: [200, 1500] as const,
    };
  }),
  {
    name: "a dialect of ithomeli on two topics",
    source: languageSource as GeneratedSource<unknown>,
    options: { language: "ithomeli", dialect: "south", ownWords: 0.5, topics: [2, 4] },
    process: () =>
      languageProcess({ language: "ithomeli", dialect: "south", ownWords: 0.5, topics: [2, 4] }),
    characters: [200, 1500],
  },
  {
    name: "arithmetic",
    source: arithmeticSource as GeneratedSource<unknown>,
    options: {},
    process: () => arithmeticProcess({}),
    characters: [200, 1500],
  },
  {
    name: "code",
    source: codeSource as GeneratedSource<unknown>,
    options: {},
    process: () => codeProcess({}),
    characters: [200, 1500],
  },
];

for (const { name, source, options, process, characters } of cases) {
  let automaton: Process;

  Deno.test(`${name}: a text tells every choice that made it`, () => {
    automaton = process();
    assertDecodable(automaton);
  });

  Deno.test(`${name}: entropyBitsPerByte() is the mean cost of the choices found in documents`, () => {
    automaton ??= process();
    let [bits, bytes] = [0, 0];
    for (const { text } of take(source, options, "train", 800)) {
      const readings = decode(automaton, text);
      assert.equal(readings.length, 1, `expected one reading of ${JSON.stringify(text)}`);
      bits += readings[0];
      bytes += utf8Length(text);
    }
    const computed = source.entropyBitsPerByte(options);
    // A document has 60 choices or more: 800 of them give the mean to 3 parts in a thousand.
    assert.ok(
      Math.abs(bits / bytes / computed - 1) < 0.01,
      `computed ${computed} bits per byte, found ${bits / bytes}`,
    );
  });

  Deno.test(`${name}: documents depend on options, seed, split and number alone`, () => {
    const train = take(source, options, "train", 60);
    assert.deepEqual(take(source, options, "train", 20), train.slice(0, 20));
    const later = Iterator.from(source.documents(options, "train", seed, 20)).take(40);
    assert.deepEqual([...later], train.slice(20), "from a number on");
    assert.deepEqual(train.map(({ id }) => id), train.map((_, i) => `generated:${i}`));
    const others = [
      ...take(source, options, "validation", 60),
      ...take(source, options, "train", 60, seedOf(18, "sources_test")),
    ];
    assert.equal(new Set([...train, ...others].map(({ text }) => text)).size, 180);
  });

  Deno.test(`${name}: documents are from ${characters[0]} to ${characters[1]} characters long`, () => {
    const lengths = take(source, options, "train", 300).map(({ text }) => [...text].length);
    assert.ok(Math.min(...lengths) >= characters[0], `shortest: ${Math.min(...lengths)}`);
    assert.ok(Math.max(...lengths) <= characters[1], `longest: ${Math.max(...lengths)}`);
  });

  Deno.test(`${name}: the last words tell much of the next, yet not all that the rules allow`, () => {
    const cost = wordCosts(
      take(source, options, "train", 300).map(({ text }) => text),
      take(source, options, "validation", 60).map(({ text }) => text),
    );
    const entropy = source.entropyBitsPerByte(options);
    const told = JSON.stringify({ ...cost, entropy });
    assert.ok(cost.context < 0.85 * cost.unigram, told);
    assert.ok(cost.context > 1.1 * entropy, told);
  });
}

Deno.test("generatedSources: every one is among the cases", async () => {
  const tried = new Set(cases.map(({ source }) => source));
  for (const name of Object.keys(generatedSources)) {
    const { source } = await import(sourceModule(name));
    assert.ok(tried.has(source), `${name} has no case`);
  }
});

Deno.test("assertDecodable() and decode() find a text that hides a choice", () => {
  const end = {
    key: "end",
    isBoundary: true,
    branches: [] as { text: string; probability: number; next: State }[],
  };
  const verb: State = {
    key: "verb",
    isBoundary: false,
    branches: [
      { text: " b.", probability: 0.5, next: end },
      { text: " c.", probability: 0.5, next: end },
    ],
  };
  const stop: State = {
    key: "stop",
    isBoundary: false,
    branches: [{ text: ".", probability: 1, next: end }],
  };
  const opening: State = {
    key: "noun",
    isBoundary: false,
    branches: [
      { text: "a", probability: 0.5, next: verb },
      { text: "a b", probability: 0.5, next: stop },
    ],
  };
  const process = {
    openings: [opening],
    minUnits: 1,
    maxUnits: 1,
    joints: [{ text: " ", weight: 1 }],
  };
  assert.deepEqual(decode(process, "a b.").sort(), [1, 2]);
  assert.deepEqual(decode(process, "a c."), [2]);
  assert.throws(() => assertDecodable(process), /nothing tells apart "a" and "a b" of "noun"/);
});

Deno.test("language: splits and seeds speak one language", () => {
  for (const language of languageNames().filter((name) => name !== "shenmu")) {
    const words = (split: string, root: number) =>
      take(languageSource, { language }, split, 200, seedOf(root, "words"))
        .flatMap(({ text }) => text.toLowerCase().match(/[\p{L}\p{M}]+/gu)!);
    const known = new Set(words("train", 1));
    for (const other of [words("validation", 1), words("train", 2)]) {
      const share = other.filter((word) => known.has(word)).length / other.length;
      assert.ok(share > 0.95, `${language}: ${share} of the words are known`);
    }
  }
});

Deno.test("language: each has a script of its own", () => {
  const scripts = languageNames().map((language) => {
    const [{ text }] = take(languageSource, { language }, "train", 1);
    const letters = text.match(/\p{L}/gu)!;
    const found = ["Latin", "Cyrillic", "Greek", "Han", "Devanagari"].filter((script) =>
      letters.every((letter) => new RegExp(`\\p{Script=${script}}`, "u").test(letter))
    );
    assert.equal(found.length, 1, language);
    return found[0];
  });
  assert.equal(new Set(scripts).size, 5);
});

Deno.test("language: velsan adjectives rhyme with the noun before them", () => {
  // The heading is a noun, or a noun and its adjective: "Velira tonda".
  const headings = take(languageSource, { language: "velsan" }, "train", 300)
    .map(({ text }) => text.split("\n")[0].split(" ")).filter((words) => words.length === 2);
  assert.ok(headings.length > 50);
  for (const [noun, adjective] of headings) assert.equal(noun.at(-1), adjective.at(-1));
});

Deno.test("arithmetic: every line is right", () => {
  for (const { text } of take(arithmeticSource, {}, "train", 100)) {
    const [heading, ...lines] = text.split("\n");
    assert.match(heading, /^[A-Z][a-z ]+$/);
    for (const line of lines) {
      const [, a, sign, b, result] = line.match(/^(\d+) ([-+*]) (\d+) = (\d+)$/)!;
      const right = sign === "+" ? +a + +b : sign === "-" ? +a - +b : +a * +b;
      assert.equal(+result, right, line);
    }
  }
});

Deno.test("arithmetic: entropyBitsPerByte() of one line is what counting gives", () => {
  const headings: [string, Record<string, number>][] = [
    ["Sums", { "+": 1 }],
    ["Differences", { "-": 1 }],
    ["Products", { "*": 1 }],
    ["Sums and differences", { "+": 0.6, "-": 0.4 }],
    ["Reckoning", { "+": 0.5, "-": 0.3, "*": 0.2 }],
  ];
  const weights = [1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7];
  const total = weights.reduce((a, b) => a + b);
  let [bits, bytes] = [0, 0];
  headings.forEach(([heading, signs], i) => {
    for (const [sign, share] of Object.entries(signs)) {
      const n = sign === "*" ? 12 : 50;
      for (let a = 1; a <= n; a++) {
        const m = sign === "-" ? a : n;
        for (let b = 1; b <= m; b++) {
          const p = weights[i] / total * share / n / m;
          const result = sign === "+" ? a + b : sign === "-" ? a - b : a * b;
          bits -= p * Math.log2(p);
          bytes += p * `${heading}\n${a} ${sign} ${b} = ${result}`.length;
        }
      }
    }
  });
  const computed = arithmeticSource.entropyBitsPerByte({ minLines: 1, maxLines: 1 });
  assert.ok(Math.abs(computed - bits / bytes) < 1e-12, `${computed} ${bits / bytes}`);
});

Deno.test("code: brackets match, and a function uses its own names and its library's only", () => {
  for (const { text } of take(codeSource, {}, "train", 100)) {
    const open: string[] = [];
    for (const bracket of text.match(/[(){}]/g)!) {
      if ("({".includes(bracket)) open.push(bracket);
      else assert.equal(open.pop(), bracket === ")" ? "(" : "{");
    }
    assert.deepEqual(open, []);
    const [head, ...functions] = text.split("\n\n");
    assert.match(head, /^module [a-z]+;$/);
    for (const body of functions) {
      const [, first, second, local] = body.match(
        /^fn [a-z]+_[a-z]+\(([a-z]+), ([a-z]+)\) \{\n {2}let ([a-z]+) =/,
      )!;
      assert.equal(new Set([first, second, local]).size, 3);
      const names = body.slice(body.indexOf("=")).match(/[a-z]+(?!\w*\()/g)!;
      const known = new Set([first, second, local, "if", "while", "return"]);
      for (const name of names) assert.ok(known.has(name), `${name} in\n${body}`);
    }
  }
});

Deno.test("sourceModule() and taskModule() name modules that export what they should", async () => {
  for (const name of Object.keys(generatedSources)) {
    const { source } = await import(sourceModule(name));
    const options = name === "language" ? { language: "velsan" } : {};
    assert.ok(source.entropyBitsPerByte(options) > 0);
  }
  for (const name of Object.keys(generatedTasks)) {
    const { task } = await import(taskModule(name));
    assert.ok(task.ceiling({}) > 0.8);
  }
});

Deno.test("sourceModule() and taskModule() say which name may have been meant", () => {
  assert.throws(
    () => sourceModule("languge"),
    new UsageError(
      `Cannot generate source "languge": expected one of ${
        Object.keys(generatedSources).join(", ")
      } (did you mean "language"?)`,
    ),
  );
  assert.throws(() => taskModule("toString"), UsageError);
});

Deno.test("generated sources refuse options that they do not know", () => {
  const bad: [() => unknown, RegExp][] = [
    [() => languageProcess({ language: "velsen" }), /found "velsen" \(did you mean "velsan"\?\)/],
    [() => languageProcess({} as { language: string }), /expected one of velsan, .* found/],
    [
      () => languageProcess({ language: "velsan", minSentence: 3 } as { language: string }),
      /Cannot accept option "minSentence" .*did you mean "minSentences"/,
    ],
    [
      () => languageProcess({ language: "velsan", minSentences: 9, maxSentences: 8 }),
      /"maxSentences" .* a whole number from 9 to 1000, found 8/,
    ],
    [
      () => languageProcess({ language: "velsan", dialect: "north" }),
      /"ownWords" .* a number from 0 to 1, found undefined/,
    ],
    [() => languageProcess({ language: "velsan", ownWords: 0.5 }), /"dialect" .* a name, found/],
    [
      () => languageProcess({ language: "velsan", topics: [1, 5] }),
      /"topics" .* from 1 to 4, found/,
    ],
    [() => languageProcess({ language: "velsan", topics: [2, 2] }), /different numbers .* \[2,2\]/],
    [
      () => languageProcess({ language: "velsan", topicsInTurn: 1 as unknown as boolean }),
      /"topicsInTurn" .* true or false, found 1/,
    ],
    [() => arithmeticProcess({ minLines: 0 }), /"minLines" .* from 1 to 10000, found 0/],
    [() => codeProcess({ minFunctions: 1.5 }), /"minFunctions" .* found 1.5/],
    [() => codeProcess([] as unknown as object), /expected an object, found \[\]/],
  ];
  for (const [act, message] of bad) {
    assert.throws(
      act,
      (error: Error) => error instanceof UsageError && message.test(error.message),
    );
  }
});

function take<Options>(
  source: GeneratedSource<Options>,
  options: Options,
  split: string,
  count: number,
  from: Seed = seed,
): Document[] {
  const documents: Document[] = [];
  for (const document of source.documents(options, split, from)) {
    documents.push(document);
    if (documents.length === count) break;
  }
  return documents;
}

/**
 * Bits per byte of held-out text, word by word: from word frequencies, and from the three words before (Witten and Bell
 * 1991). Characters stand for words in a script without spaces.
 */
function wordCosts(train: string[], heldOut: string[]): { unigram: number; context: number } {
  const wordsOf = (text: string) => [
    ...text.match(/\p{Script=Han}| ?[\p{L}\p{M}]+|\d+|[^]/gu)!,
    "",
  ];
  const counts = Array.from({ length: 4 }, () => new Map<string, Map<string, number>>());
  const vocabulary = new Set<string>();
  for (const words of train.map(wordsOf)) {
    words.forEach((word, i) => {
      vocabulary.add(word);
      for (let k = 0; k <= Math.min(3, i); k++) {
        const key = words.slice(i - k, i).join("|");
        const seen = counts[k].get(key) ?? counts[k].set(key, new Map()).get(key)!;
        seen.set(word, (seen.get(word) ?? 0) + 1);
      }
    });
  }
  let [unigram, context, bytes] = [0, 0, 0];
  for (const text of heldOut) {
    bytes += utf8Length(text);
    const words = wordsOf(text);
    words.forEach((word, i) => {
      let p = 1 / (vocabulary.size + 1);
      for (let k = 0; k <= Math.min(3, i); k++) {
        const seen = counts[k].get(words.slice(i - k, i).join("|"));
        if (seen !== undefined) {
          const total = seen.values().reduce((a, b) => a + b);
          p = ((seen.get(word) ?? 0) + seen.size * p) / (total + seen.size);
        }
        if (k === 0) unigram -= Math.log2(p);
      }
      context -= Math.log2(p);
    });
  }
  return { unigram: unigram / bytes, context: context / bytes };
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
