import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { cleanText } from "../../datasets/clean_text.ts";
import {
  DocumentFilter,
  type FilterOptions,
  splitOf,
  type SplitShares,
} from "../../datasets/document_filter.ts";
import { bandRows, MinHash, similarity } from "../../datasets/minhash.ts";
import { ScriptCounter } from "../../datasets/text_scripts.ts";
import { Random, type Seed, seedOf } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

const seed: Seed = seedOf(17, "documents/duplicates");
const off: FilterOptions = {
  clean: [],
  length: { minCharacters: null, maxCharacters: null },
  duplicates: { exact: false, near: null },
  split: null,
};
const near = { threshold: 0.8, shingle: 3, permutations: 128 };

/** What a filter keeps of texts, by number, and its report. */
function filtered(texts: readonly string[], options: Partial<FilterOptions>) {
  using folder = temporaryFolder();
  using filter = new DocumentFilter({ ...off, ...options }, seed, folder.path);
  const kept = texts.flatMap((text, i) => filter.apply({ text, id: `${i}` }) ?? []);
  return {
    ids: kept.map(({ id }) => Number(id)),
    texts: kept.map(({ text }) => text),
    report: filter.report(),
  };
}

/** `count` words that are drawn from many. */
function wordsOf(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => `w${random.below(100_000)}`);
}

Deno.test("cleanText() does what is asked, in the order that is asked for, and nothing else", () => {
  strictEqual(cleanText("e\u0301\r\nﬁ\u200b\u0007 x  \n ", []), "e\u0301\r\nﬁ\u200b\u0007 x  \n ");
  strictEqual(cleanText("e\u0301ﬁ", ["nfc"]), "éﬁ");
  strictEqual(cleanText("e\u0301ﬁ", ["nfkc"]), "éfi");
  strictEqual(cleanText("a\r\nb\rc\u2028d\ne", ["line-feeds"]), "a\nb\nc\nd\ne");
  strictEqual(cleanText("a\0b\tc\nd\x85\x1b", ["controls"]), "ab\tc\nd");
  strictEqual(cleanText("\ufeffa\u00adb\u200b\u200dc", ["invisible"]), "ab\u200dc"); // joiners stay
  strictEqual(cleanText("  a \t\n\tb  \n\n", ["trim"]), "a\n\tb");
  // NEL is a control character: the rule that comes first has it.
  strictEqual(cleanText("a\x85b", ["controls", "line-feeds"]), "ab");
  strictEqual(cleanText("a\x85b", ["line-feeds", "controls"]), "a\nb");
});

Deno.test("ScriptCounter counts code points by script", () => {
  const counter = new ScriptCounter();
  const utf8 = (text: string) => new TextEncoder().encode(text);
  counter.add(utf8("Ab, я𠀀 漢"));
  counter.add(utf8("𝄞\u0378")); // the musical sign is Common, the other is no character
  deepStrictEqual(counter.counts(), { Common: 4, Han: 2, Latin: 2, Cyrillic: 1, Other: 1 });
  const again = new ScriptCounter(counter.counts());
  again.add(utf8("z"));
  deepStrictEqual(again.counts().Latin, 3);
});

Deno.test("MinHash estimates the Jaccard index of shingles", () => {
  const random = new Random(seed);
  const minHash = new MinHash({ ...near, permutations: 512 }, seed);
  for (const shared of [0, 40, 120, 180, 200]) {
    const common = wordsOf(random, shared);
    const [a, b] = [1, 2].map(() => [...common, ...wordsOf(random, 200 - shared)]);
    const shingles = (words: string[]) =>
      new Set(words.slice(2).map((_, i) => words.slice(i, i + 3).join(" ")));
    const [x, y] = [shingles(a), shingles(b)];
    const both = [...x].filter((shingle) => y.has(shingle)).length;
    const jaccard = both / (x.size + y.size - both);
    const found = similarity(minHash.signature(a.join(" "))!, minHash.signature(b.join(" "))!);
    // Four standard deviations of a mean of 512 trials: 4 · √(s(1−s)/512), at most 0.088.
    ok(Math.abs(found - jaccard) < 0.09, `${shared}: ${found} for ${jaccard}`);
  }
  strictEqual(minHash.signature(" .,; "), undefined);
});

Deno.test("bandRows() leaves a pair at the threshold 95 % to be found", () => {
  // 7 places: 1 − (1 − 0.8^7)^18 = 0.985; 8 would give 1 − (1 − 0.8^8)^16 = 0.947.
  strictEqual(bandRows(near), 7);
  strictEqual(bandRows({ ...near, threshold: 1 }), 128);
});

Deno.test("DocumentFilter drops exact duplicates after clean-up and names the first", () => {
  const { ids, report } = filtered(["one", "two", "one ", "one", "two\n"], {
    clean: ["trim"],
    duplicates: { exact: true, near: null },
  });
  deepStrictEqual(ids, [0, 1]);
  deepStrictEqual(report.duplicates.exact, { documents: 3, first: ["2 = 0", "3 = 0", "4 = 1"] });
  strictEqual(report.cleaned, 0); // what was changed was not kept
});

Deno.test("DocumentFilter drops near duplicates and keeps what only resembles", () => {
  const random = new Random(seed);
  const originals = Array.from({ length: 30 }, () => wordsOf(random, 120));
  const copies = originals.map((words) => words.map((word, i) => i === 60 ? "other" : word));
  const kin = originals.map((words) => [...words.slice(0, 60), ...wordsOf(random, 60)]);
  const texts = [...originals, ...copies, ...kin].map((words) => words.join(" "));
  const { ids, report } = filtered(texts, { duplicates: { exact: false, near } });
  // A copy shares 115 of 121 shingles (0.95), kin 58 of 178 (0.33).
  deepStrictEqual(ids, [...originals.keys(), ...kin.keys()].map((i, at) => at < 30 ? i : i + 60));
  strictEqual(report.duplicates.near.documents, 30);
  strictEqual(report.duplicates.near.first[0], "30 = 0");
});

Deno.test("DocumentFilter finds near duplicates in scripts without blanks", () => {
  const text =
    "东海的鱼在春天游向北方，渔民们早已准备好了他们的船只和渔网，等待着第一缕阳光的到来。";
  const { ids } = filtered([text, text.replace("春天", "秋天"), text.slice(0, 12)], {
    duplicates: { exact: false, near: { ...near, threshold: 0.7 } },
  });
  deepStrictEqual(ids, [0, 2]);
});

Deno.test("DocumentFilter limits length in code points and says which were dropped", () => {
  const { ids, report } = filtered(["𝄞𝄞", "𝄞𝄞𝄞", "", "x".repeat(6)], {
    length: { minCharacters: 3, maxCharacters: 5 },
  });
  deepStrictEqual(ids, [1]);
  deepStrictEqual(report.rejected, {
    "fewer than 3 characters": { documents: 1, first: ["0"] },
    "no characters": { documents: 1, first: ["2"] },
    "more than 5 characters": { documents: 1, first: ["3"] },
  });
});

Deno.test("DocumentFilter splits by content: every text in one split, wherever and however often it stands", () => {
  const shares: SplitShares = { validation: 0.2, test: 0.1 };
  const texts = Array.from({ length: 4000 }, (_, i) => `text ${i % 2000}`);
  const parts = (["train", "validation", "test"] as const).map((keep) =>
    new Set(filtered(texts, { split: { shares, keep } }).texts)
  );
  strictEqual(parts.reduce((sum, { size }) => sum + size, 0), 2000); // none in two, none lost
  // Of 2,000 draws: 400 and 200, each within four standard deviations (18 and 13).
  ok(Math.abs(parts[1].size - 400) < 72 && Math.abs(parts[2].size - 200) < 54, `${parts[1].size}`);
  const digest = createHash("sha256").update("text 7").digest();
  strictEqual(splitOf(digest, { validation: 1, test: 0 }), "validation");
  strictEqual(splitOf(digest, { validation: 0, test: 0 }), "train");
});

Deno.test("DocumentFilter goes on from a state as if it had never stopped", () => {
  const random = new Random(seed);
  const distinct = Array.from({ length: 40 }, () => wordsOf(random, 50).join(" "));
  const texts = Array.from({ length: 200 }, () => distinct[random.below(40)]);
  const options = {
    ...off,
    duplicates: { exact: true, near },
    split: { shares: { validation: 0.3, test: 0 }, keep: "train" as const },
  };
  const whole = filtered(texts, options);
  using folder = temporaryFolder();
  const ids: string[] = [];
  let state;
  {
    using filter = new DocumentFilter(options, seed, folder.path);
    for (let i = 0; i < 90; i++) {
      if (i === 60) state = structuredClone(filter.state());
      const kept = filter.apply({ text: texts[i], id: `${i}` });
      if (kept !== undefined && i < 60) ids.push(kept.id);
    }
    filter.state(); // the index is ahead of the state that is kept
  }
  using filter = new DocumentFilter(options, seed, folder.path, state);
  for (let i = 60; i < texts.length; i++) {
    const kept = filter.apply({ text: texts[i], id: `${i}` });
    if (kept !== undefined) ids.push(kept.id);
  }
  deepStrictEqual(ids.map(Number), whole.ids);
  deepStrictEqual(filter.report(), whole.report);
});
