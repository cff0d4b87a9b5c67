import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import {
  batchTokens,
  type EncodedDocument,
  openTokenShards,
  openTokenStream,
  writeTokenShards,
} from "../../datasets/mod.ts";
import { seedOf, StageError } from "../../base/mod.ts";

const options = { vocabSize: 300, endId: 2 };

function temporary(): { folder: string } & Disposable {
  const folder = Deno.makeTempDirSync();
  return { folder, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

/** Documents of these lengths, tokens counting up modulo the vocabulary. */
function documentsOf(lengths: readonly number[], vocabSize = 300): EncodedDocument[] {
  let next = 0;
  return lengths.map((length) => ({
    ids: Int32Array.from({ length }, () => next++ % vocabSize),
    bytes: length * 3,
  }));
}

function flat(documents: readonly EncodedDocument[], endId: number): Int32Array {
  return Int32Array.from(documents.flatMap(({ ids }) => [...Array.from(ids), endId]));
}

Deno.test("token shards give back any documents over any ranges (property)", async () => {
  const length = fc.oneof(
    fc.nat(20),
    fc.constantFrom(batchTokens - 1, batchTokens, batchTokens + 1, 2 * batchTokens - 1),
  );
  const lengths = fc.array(length, { minLength: 1, maxLength: 6 });
  const vocabSize = fc.constantFrom(300, 65_535, 65_536, 70_000);
  const range = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(100_000));
  await fc.assert(
    fc.asyncProperty(lengths, vocabSize, fc.array(range), async (sizes, vocabSize, ranges) => {
      using place = temporary();
      const documents = documentsOf(sizes, vocabSize);
      const expected = flat(documents, 2);
      const written = await writeTokenShards(place.folder, documents, { vocabSize, endId: 2 });
      const shards = openTokenShards(place.folder);
      try {
        const { tokens, bytes } = shards;
        deepStrictEqual({ ...written }, {
          format: 1,
          vocabSize,
          tokens,
          documents: sizes.length,
          bytes,
        });
        strictEqual(tokens, expected.length);
        strictEqual(bytes, sizes.reduce((sum, size) => sum + size * 3, 0));
        let end = 0;
        deepStrictEqual([...shards.ends], sizes.map((size) => end += size + 1));
        deepStrictEqual(shards.slice(0, tokens), expected);
        for (const [share, most] of ranges) {
          const start = Math.floor(share * tokens);
          const length = Math.min(most, tokens - start);
          deepStrictEqual(shards.slice(start, length), expected.slice(start, start + length));
        }
      } finally {
        shards.close();
      }
    }),
    { numRuns: 25, seed: 11 },
  );
});

Deno.test("token shards are Arrow files that arrow-js itself reads, with ids of the stated width", async () => {
  for (const [vocabSize, type] of [[65_535, "Uint16"], [65_536, "Uint32"]] as const) {
    using place = temporary();
    const documents = documentsOf([batchTokens, 5], vocabSize);
    await writeTokenShards(place.folder, documents, { vocabSize, endId: 2 });
    const tokens = tableFromIPC(Deno.readFileSync(join(place.folder, "tokens.arrow")));
    strictEqual(String(tokens.schema.fields[0].type), type);
    deepStrictEqual(tokens.batches.map((batch) => batch.numRows), [batchTokens, 7]);
    deepStrictEqual(Int32Array.from(tokens.getChild("token")!.toArray()), flat(documents, 2));
    const ends = tableFromIPC(Deno.readFileSync(join(place.folder, "documents.arrow")));
    deepStrictEqual(ends.toArray().map((row) => ({ ...row.toJSON() })), [
      { end: batchTokens + 1, bytes: 3 * batchTokens },
      { end: batchTokens + 7, bytes: 15 },
    ]);
  }
});

Deno.test("writeTokenShards() writes the same bytes each time", async () => {
  using first = temporary();
  using second = temporary();
  for (const { folder } of [first, second]) {
    await writeTokenShards(folder, documentsOf([70_000, 0, 3]), options);
  }
  for (const name of ["tokens.arrow", "documents.arrow", "shards.json"]) {
    const bytes = ({ folder }: { folder: string }) => Deno.readFileSync(join(folder, name));
    deepStrictEqual(bytes(first), bytes(second), name);
  }
});

Deno.test("token shards of more batches than are kept in memory are read right in any order", async () => {
  using place = temporary();
  const batches = 40; // 32 are kept
  const documents = documentsOf([batches * batchTokens - 1]);
  await writeTokenShards(place.folder, documents, options);
  const shards = openTokenShards(place.folder);
  for (let round = 0; round < 2; round++) {
    for (let batch = 0; batch < batches; batch++) {
      const start = ((batch * 17) % batches) * batchTokens + batch;
      deepStrictEqual([...shards.slice(start, 2)], [start % 300, (start + 1) % 300]);
    }
  }
  shards.close();
});

Deno.test("slice() refuses ranges outside the tokens", async () => {
  using place = temporary();
  await writeTokenShards(place.folder, documentsOf([9]), options);
  const shards = openTokenShards(place.folder);
  deepStrictEqual(shards.slice(10, 0), new Int32Array(0));
  for (const [start, length] of [[-1, 2], [0, 11], [10, 1], [0.5, 1], [3, -1], [NaN, 1]]) {
    throws(() => shards.slice(start, length), /within \[0, 10\), found/);
  }
  shards.close();
});

Deno.test("writeTokenShards() refuses ids that the vocabulary has not", async () => {
  const typed = [
    ...[300, -1].map((id) => [id, Int32Array.of(1, id)] as const),
    [300, Uint16Array.of(1, 300)] as const,
  ];
  const plain = [300, -1, 1.5, NaN].map((id) => [id, [1, id]] as const);
  for (const [id, ids] of [...typed, ...plain]) {
    using place = temporary();
    const documents = [...documentsOf([4]), { ids, bytes: 2 }];
    await rejects(
      writeTokenShards(place.folder, documents, options),
      (error: Error) =>
        error instanceof RangeError &&
        error.message ===
          `Cannot write token 1 of document 1: expected an id in [0, 300), found ${id}`,
    );
  }
  using place = temporary();
  await rejects(
    writeTokenShards(place.folder, documentsOf([1]), { vocabSize: 300, endId: 300 }),
    /Cannot write the end symbol: expected an id in \[0, 300\), found 300/,
  );
});

/** What is done to a whole shard folder, and what opening or reading it must say. */
const damages: Record<string, [(folder: string) => void, RegExp]> = {
  "no shards.json": [
    (folder) => Deno.removeSync(join(folder, "shards.json")),
    /Cannot read "shards\.json": expected a file, found nothing there/,
  ],
  "another format": [
    (folder) => Deno.writeTextFileSync(join(folder, "shards.json"), '{"format": 2}'),
    /"shards\.json": expected an object of format 1, found format 2/,
  ],
  "counts that are none": [
    (folder) =>
      edit(join(folder, "shards.json"), (text) => text.replace(/"tokens": \d+/, '"tokens": "x"')),
    /"shards\.json": expected a count in field "tokens", found "x"/,
  ],
  "counts of another folder": [
    (folder) =>
      edit(
        join(folder, "shards.json"),
        (text) => text.replace(/"documents": \d+/, '"documents": 7'),
      ),
    /"documents\.arrow": expected 7 documents, found 2/,
  ],
  "a vocabulary of another width": [
    (folder) => edit(join(folder, "shards.json"), (text) => text.replace("300", "70000")),
    /"tokens\.arrow": expected columns token \(Uint32\), found token \(Uint16\)/,
  ],
  "a smaller vocabulary": [
    (folder) => edit(join(folder, "shards.json"), (text) => text.replace("300", "200")),
    /"tokens\.arrow", token 200: expected an id below 200, found 200/,
  ],
  "no tokens": [
    (folder) => Deno.removeSync(join(folder, "tokens.arrow")),
    /"tokens\.arrow": expected an Arrow file, found nothing there/,
  ],
  "tokens cut short": [
    (folder) => cut(join(folder, "tokens.arrow"), 100),
    /"tokens\.arrow": expected "ARROW1" at the end, found other bytes/,
  ],
  "tokens cut to nothing": [
    (folder) => Deno.truncateSync(join(folder, "tokens.arrow"), 3),
    /"tokens\.arrow": expected an Arrow file, found 3 bytes/,
  ],
  "tokens whose start is lost": [
    (folder) => {
      const path = join(folder, "tokens.arrow");
      Deno.writeFileSync(path, Deno.readFileSync(path).subarray(5_000));
    },
    /"tokens\.arrow": expected record batches inside the file, found one that ends after it/,
  ],
  "a footer of zeros": [
    (folder) => {
      const path = join(folder, "tokens.arrow");
      const bytes = Deno.readFileSync(path);
      bytes.fill(0, bytes.length - 150, bytes.length - 10);
      Deno.writeFileSync(path, bytes);
    },
    /Cannot read "tokens\.arrow"/,
  ],
  "a batch of zeros": [
    (folder) => {
      const path = join(folder, "tokens.arrow");
      const bytes = Deno.readFileSync(path);
      Deno.writeFileSync(path, bytes.fill(0, 8, 200));
    },
    /"tokens\.arrow", record batch 0: expected Arrow IPC, found damaged bytes/,
  ],
};

for (const [what, [damage, message]] of Object.entries(damages)) {
  Deno.test(`openTokenShards() refuses ${what}`, async () => {
    using place = temporary();
    await writeTokenShards(place.folder, documentsOf([5_000, 3]), options);
    damage(place.folder);
    throws(
      () => {
        const shards = openTokenShards(place.folder);
        try {
          shards.slice(0, shards.tokens);
        } finally {
          shards.close();
        }
      },
      (error) => {
        ok(error instanceof StageError, String(error));
        match(error.message, message);
        return true;
      },
    );
  });
}

function edit(path: string, change: (text: string) => string): void {
  Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));
}

function cut(path: string, bytes: number): void {
  Deno.truncateSync(path, Deno.statSync(path).size - bytes);
}

Deno.test("token stream visits each whole window once an epoch, in an order that changes", async () => {
  using place = temporary();
  await writeTokenShards(place.folder, documentsOf([1_000], 5_000), {
    vocabSize: 5_000,
    endId: 4_999,
  });
  const shards = openTokenShards(place.folder); // 1,001 tokens: 125 windows of 8, one token over
  const stream = openTokenStream(shards, { seqLen: 8, seed: seedOf(1, "order/a/global") });
  const epoch = () => Array.from({ length: 125 }, () => stream.next());
  const [first, second] = [epoch(), epoch()];
  for (const windows of [first, second]) {
    ok(windows.every((window) => window.every((id, i) => id === window[0] + i)));
    const starts = windows.map((window) => window[0]).sort((a, b) => a - b);
    deepStrictEqual(starts, Array.from({ length: 125 }, (_, i) => i * 8));
  }
  ok(first.some((window, i) => window[0] !== second[i][0]));
  deepStrictEqual(stream.position, { epoch: 1, taken: 125 });
  const other = openTokenStream(shards, { seqLen: 8, seed: seedOf(2, "order/a/global") });
  ok(first.some((window) => window[0] !== other.next()[0]));
  shards.close();
});

Deno.test("token streams of the two parts never read each other's windows, in any epoch", async () => {
  using place = temporary();
  await writeTokenShards(place.folder, documentsOf([1_000], 5_000), {
    vocabSize: 5_000,
    endId: 4_999,
  });
  const shards = openTokenShards(place.folder); // 125 windows of 8, of which a tenth is 12
  const options = { seqLen: 8, seed: seedOf(1, "order/a/global") };
  const share = 0.1;
  const rest = openTokenStream(shards, { ...options, part: { of: "rest", share } });
  const heldBack = openTokenStream(shards, { ...options, part: { of: "heldBack", share } });
  const starts = (stream: typeof rest, count: number) =>
    Array.from({ length: count }, () => stream.next()[0]);
  const epochs = [1, 2, 3].map(() => starts(rest, 113));
  const back = [1, 2].map(() => starts(heldBack, 12));
  const sets = [...epochs, ...back].map((windows) => new Set(windows));
  deepStrictEqual(sets.map(({ size }) => size), [113, 113, 113, 12, 12]);
  deepStrictEqual(sets[1], new Set(epochs[0]));
  deepStrictEqual(sets[2], new Set(epochs[0]));
  deepStrictEqual(sets[4], new Set(back[0]));
  strictEqual(sets[0].union(sets[3]).size, 125);
  ok(epochs[0].some((start, i) => start !== epochs[1][i]));
  // The first epoch of both is the order of a stream of all.
  deepStrictEqual([...epochs[0], ...back[0]], starts(openTokenStream(shards, options), 125));
  shards.close();
});

Deno.test("a stream in written order reads the same part as a shuffled one, from its first window to its last in each epoch", async () => {
  using place = temporary();
  await writeTokenShards(place.folder, documentsOf([1_000], 5_000), {
    vocabSize: 5_000,
    endId: 4_999,
  });
  const shards = openTokenShards(place.folder);
  const options = {
    ...{ seqLen: 8, seed: seedOf(1, "order/a/global") },
    part: { of: "rest", share: 0.1 },
  } as const;
  const starts = (stream: ReturnType<typeof openTokenStream>) =>
    Array.from({ length: 113 }, () => stream.next()[0]);
  const written = openTokenStream(shards, { ...options, order: "written" });
  const expected = starts(openTokenStream(shards, options)).sort((a, b) => a - b);
  deepStrictEqual(starts(written), expected);
  deepStrictEqual(starts(written), expected);
  written.seek({ epoch: 5, taken: 100 });
  strictEqual(written.next()[0], expected[100]);
  shards.close();
});

Deno.test("openTokenStream() refuses to divide a single window", async () => {
  using place = temporary();
  await writeTokenShards(place.folder, documentsOf([14]), options);
  const shards = openTokenShards(place.folder); // 15 tokens
  const seed = seedOf(1, "order/a/global");
  const part = { of: "heldBack", share: 0.1 } as const;
  throws(
    () => openTokenStream(shards, { seqLen: 8, seed, part }),
    /expected at least 16 tokens \(two windows\), found 15;/,
  );
  shards.close();
});

Deno.test("token stream goes on from any position as if it had never stopped", async () => {
  using place = temporary();
  await writeTokenShards(place.folder, documentsOf([99]), options);
  const shards = openTokenShards(place.folder);
  const seed = seedOf(5, "order/a/global");
  const stream = openTokenStream(shards, { seqLen: 10, seed });
  const positions = Array.from({ length: 25 }, () => {
    const { position } = stream;
    return { position, window: stream.next() };
  });
  deepStrictEqual(positions[10].position, { epoch: 0, taken: 10 });
  deepStrictEqual(positions[11].position, { epoch: 1, taken: 1 });
  const resumed = openTokenStream(shards, { seqLen: 10, seed });
  for (const { position, window } of positions.toReversed()) {
    resumed.seek(JSON.parse(JSON.stringify(position)));
    deepStrictEqual(resumed.next(), window);
  }
  throws(() => resumed.seek({ epoch: 0, taken: 11 }), /at most 10 windows taken/);
  throws(() => resumed.seek({ epoch: -1, taken: 0 }), RangeError);
  shards.close();
});

Deno.test("openTokenStream() refuses fewer tokens than one window", async () => {
  using place = temporary();
  await writeTokenShards(place.folder, documentsOf([6]), options);
  const shards = openTokenShards(place.folder);
  const seed = seedOf(1, "order/a/global");
  strictEqual(openTokenStream(shards, { seqLen: 7, seed }).next().length, 7);
  throws(
    () => openTokenStream(shards, { seqLen: 8, seed }),
    (error) =>
      error instanceof StageError &&
      /expected at least 8 tokens \(one window\), found 7;/.test(error.message),
  );
  shards.close();
});
