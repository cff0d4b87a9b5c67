/**
 * What a leader refuses of the answers of silos, and what it does then.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type JsonRecord, makeKeyPair, type TakenTask } from "../../exchange/mod.ts";
import { signed } from "../../exchange/signed.ts";
import { type Tensors, tensorsOf } from "../../training/mod.ts";
import {
  answer,
  type LeaderOptions,
  moved,
  type Party,
  rest,
  run,
  take,
  tensor,
  train,
  withParty,
} from "../support/two_silos.ts";

const { "body.norm.weight": norm, "embedding.token.weight": table } = moved;
const notFinite = { ...table, data: table.data.map((value, i) => i === 7 ? NaN : value) };

const misshapen: readonly (readonly [Tensors, string])[] = [
  [{ "body.norm.weight": norm }, 'expected shape [3, 4] of "embedding.token.weight", found none'],
  [
    { "body.norm.weight": norm, "embedding.token.weight": tensor([2, 4]) },
    'expected shape [3, 4] of "embedding.token.weight", found shape [2, 4]',
  ],
  [
    { "body.norm.weight": tensor([2, 2]), "embedding.token.weight": table },
    'expected shape [4] of "body.norm.weight", found shape [2, 2]',
  ],
  [
    { "body.norm.other": norm, "embedding.token.weight": table },
    'expected none of "body.norm.other", found shape [4]',
  ],
  [
    { "body.norm.weight": norm, "embedding.token.weight": notFinite },
    'expected finite values in "embedding.token.weight", found NaN at 7',
  ],
];

Deno.test("ExchangeRounds takes a result of the tensors that were sent, and ends the run at another of the user's own silos", async () => {
  await withParty(async (party) => {
    const answered = train(party.lead({ silos: "own" }), {}, ["it"]);
    await answer(party, await take(party, "it"), moved);
    const it = await answered("it");
    assert(it.kind === "made");
    assert.deepEqual(Object.keys(tensorsOf(it.outcome.made!.shared)), Object.keys(moved));
    assert.equal(it.outcome.sharedNorm, undefined, "what is the user's own is not judged");
  });
  for (const [tensors, why] of misshapen) {
    await withParty(async (party) => {
      const answered = train(party.lead({ silos: "own" }), {}, ["it"]);
      await answer(party, await take(party, "it"), tensors);
      await assert.rejects(answered("it"), {
        name: "StageError",
        message: `Cannot take the answer of it in round 1: ${why}`,
      });
    });
  }
});

/** What a silo may do instead of answering, and the words by which it is left out. */
const mischief: Readonly<
  Record<
    string,
    readonly [(party: Party, task: TakenTask) => Promise<void>, RegExp, LeaderOptions?]
  >
> = {
  ...Object.fromEntries(misshapen.map(([tensors, why]) => [
    why,
    [(party, task) => answer(party, task, tensors), new RegExp(`^${RegExp.escape(why)}$`)],
  ])),
  "an object that has no end": [
    (party, task) => {
      const shared = {
        area: "up",
        round: 1,
        digest: "2".repeat(64),
        bytes: Number.MAX_SAFE_INTEGER,
      };
      return answer(party, task, moved, { shared });
    },
    /expected at most [\d.]+ (B|kB), found [\d.]+ \w+$/,
  ],
  "an object that is not there": [
    (party, task) => {
      const shared = { area: "up", round: 1, digest: "2".repeat(64), bytes: 8 };
      return answer(party, task, moved, { shared });
    },
    /found nothing$/,
  ],
  "an object of another": [
    (party, task) => {
      const shared = { area: "down", round: 1, digest: "2".repeat(64), bytes: 8 };
      return answer(party, task, moved, { shared });
    },
    /expected area up, found down$/,
  ],
  "an object that was damaged": [
    async (party, task) => {
      const shared = await task.put(party.files.put(moved).path);
      const folder = join(party.place, "up/it", run, "objects/1");
      for (const { name } of Deno.readDirSync(folder)) {
        if (name === shared.digest) continue;
        const bytes = Deno.readFileSync(join(folder, name));
        bytes[bytes.length - 1] ^= 1;
        Deno.writeFileSync(join(folder, name), bytes);
      }
      await task.answer({ ...rest, shared, optimizer: null, noted: null });
    },
    /other bytes: it is damaged$/,
  ],
  "an object that is no file of tensors": [
    async (party, task) => {
      const path = party.files.newPath();
      Deno.writeTextFileSync(path, "not tensors, by far");
      await answer(party, task, moved, { shared: await task.put(path) });
    },
    /^Cannot read tensors of /,
  ],
  "an answer that is none": [
    (party, task) => answer(party, task, moved, { exposure: [{ source: 3 }] }),
    /^expected what was read, found \[\{"source":3\}\]$/,
  ],
  "rows of monitors that are something else": [
    async (party, task) => {
      const path = party.files.newPath();
      Deno.writeTextFileSync(path, '[{"kind":"round"}]');
      await answer(party, task, moved, { noted: await task.put(path) });
    },
    /^expected rows of monitors, found others$/,
  ],
  "no state of Adam, where it is averaged": [
    (party, task) => answer(party, task, moved),
    /^expected Adam's state and its count of steps, found none$/,
    { averagesAdam: true },
  ],
  "moments of Adam that are not finite": [
    async (party, task) => {
      const flat = (value: number) =>
        Object.fromEntries(
          [".m", ".v"].flatMap((suffix) => [
            [`body.norm.weight${suffix}`, tensor([4], value)],
            [`embedding.token.weight${suffix}`, tensor([12], value)],
          ]),
        );
      const moments = await task.put(party.files.put(flat(Infinity)).path);
      await answer(party, task, moved, { optimizer: { step: 2, moments } });
    },
    /^expected finite values in "body.norm.weight.m", found Infinity at 0$/,
    { averagesAdam: true },
  ],
  "an answer that somebody has changed": [
    (party, task) => {
      const said = signed("answer", { ...task.name }, rest, party.keys.it.privateKey);
      const text = new TextDecoder().decode(said).replace("1".repeat(64), "3".repeat(64));
      return plant(party, task, new TextEncoder().encode(text));
    },
    /expected it signed, found the signature of another, or other words$/,
  ],
  "an answer to another task, shown again": [
    (party, task) => {
      const other = { ...task.name, task: "4".repeat(64) };
      return plant(party, task, signed("answer", other, rest, party.keys.it.privateKey));
    },
    /expected it signed, found answer of /,
  ],
  "an answer of somebody with another key": [
    (party, task) =>
      plant(party, task, signed("answer", { ...task.name }, rest, makeKeyPair().privateKey)),
    /expected it signed, found the signature of another, or other words$/,
  ],
};

/** Writes bytes where the answer to a task is expected. */
async function plant(
  { place, files }: Party,
  { name }: TakenTask,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const path = files.newPath();
  await Deno.writeFile(path, bytes);
  await Deno.rename(path, join(place, "up/it", run, "replies/1", `answer-${name.task}`));
}

for (const [what, [act, why, options]] of Object.entries(mischief)) {
  Deno.test(`ExchangeRounds leaves out a silo of others, names it and says why: ${what}`, () =>
    withParty(async (party) => {
      const answered = train(party.lead(options));
      const fr = await take(party, "fr");
      await act(party, await take(party, "it"));
      const it = await answered("it");
      assert(it.kind === "leftOut");
      assert.match(it.why, why);
      assert.deepEqual(party.warnings, [`left it out of round 1: ${it.why}`]);
      await answer(party, fr, moved, options?.averagesAdam ? await momentsOf(party, fr) : {});
      assert.equal((await answered("fr")).kind, "made");
    }));
}

async function momentsOf({ files }: Party, task: TakenTask): Promise<JsonRecord> {
  const moments = Object.fromEntries(
    Object.entries(moved).flatMap(([name, { data }]) =>
      [".m", ".v"].map((suffix) => [name + suffix, tensor([data.length])])
    ),
  );
  return { optimizer: { step: 2, moments: await task.put(files.put(moments).path) } };
}
