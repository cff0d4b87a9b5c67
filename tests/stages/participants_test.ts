/**
 * Runs in which somebody is left out: the round goes on, and a replay of who took part has the same bytes.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type KeyPair,
  leaderInFolder,
  makeKeyPair,
  siloInFolder,
  type TakenTask,
} from "../../exchange/mod.ts";
import { ExchangeRounds } from "../../stages/exchange_rounds.ts";
import { scoresBySilos } from "../../stages/exchange_scores.ts";
import { SiloTasks } from "../../stages/silo_tasks.ts";
import {
  heldFolder,
  HeldStates,
  LocalTrainer,
  pretrain,
  type PretrainResult,
  type PretrainSettings,
  readParticipations,
  type TrainingSource,
  writeMetrics,
} from "../../training/mod.ts";
import { declared, plain, pretraining, withSources } from "../training/support.ts";

type Options = ReturnType<typeof pretraining>;

const run = "0".repeat(64);

/**
 * What silos do instead of answering, by kind, source and round. Of each round, and of its scores, two of three come, and no more than these
 * are needed: so the time that they take decides nothing. Where the two that took part are asked alone, both are needed.
 */
const mischief: Readonly<Record<string, "silent" | "not finite" | undefined>> = {
  "train alpha 1": "silent",
  "train beta 2": "silent",
  "train gamma 3": "not finite",
  "train beta 4": "silent",
  // A round is judged in the name of the next one; alpha has no table before round 2.
  "score beta 3": "silent",
  "score alpha 4": "silent",
  "score gamma 5": "silent",
};
const quorum = { share: 0.6, afterSeconds: 0.5 };

/** An exchange with a silo for each source, until the signal fires. */
function openSilos(
  options: Options,
  sources: readonly TrainingSource[],
  folder: string,
  { signal, isAtHome }: { readonly signal: AbortSignal; readonly isAtHome: boolean },
) {
  const leaderKeys = makeKeyPair();
  const keys = new Map<string, KeyPair>(sources.map(({ name }) => [name, makeKeyPair()]));
  const place = join(folder, "exchange");
  const refused = Promise.withResolvers<void>();
  const answerFor = async (name: string) => {
    const own = join(folder, `silo-${name}`);
    const held = new HeldStates(
      isAtHome ? join(own, "held") : heldFolder(options.checkpointFolder),
    );
    const trainer = new LocalTrainer({
      ...options,
      held,
      checkpointFolder: own,
      judges: isAtHome,
      signal,
    });
    const tasks = new SiloTasks(trainer, join(own, "files"));
    await using exchange = siloInFolder(place, {
      privateKey: keys.get(name)!.privateKey,
      leaderKey: leaderKeys.publicKey,
    });
    for (let task; (task = await exchange.take([name], signal)) !== undefined;) {
      const { kind, round } = task.head;
      const isOfFew = kind === "score" &&
        (Number(round) - 1) % options.settings.validateAllEvery > 0;
      const what = isOfFew ? undefined : mischief[`${kind} ${name} ${round}`];
      if (what === "silent") continue; // it keeps the task
      if (name === "alpha" && kind === "train" && round === 3) {
        await refused.promise;
      }
      await tasks.answer(what === undefined ? task : spoilt(task));
      if (what === "not finite") refused.resolve();
    }
  };
  const ended = Promise.all(sources.map(({ name }) => answerFor(name)));
  const { localSteps } = options.settings;
  const lead = () => {
    const exchange = leaderInFolder(place, {
      run,
      privateKey: leaderKeys.privateKey,
      silos: Object.fromEntries([...keys].map(([name, { publicKey }]) => [name, publicKey])),
    });
    const { log, settings: { adamState } } = options;
    const parts = { exchange, run, quorum, sendsAlike: false, log, signal };
    return new ExchangeRounds({
      ...parts,
      silos: "foreign",
      averagesAdam: adamState === "average",
      localSteps,
      stepTokens: 1,
      totalSteps: 1,
      folder: join(folder, "answers"),
      failed: new Promise(() => {}),
      ...(isAtHome ? { score: scoresBySilos({ ...parts, folder: join(folder, "judged") }) } : {}),
    });
  };
  return { lead, ended };
}

/** A task whose answer has a last value that is no number. */
function spoilt(task: TakenTask): TakenTask {
  return {
    name: task.name,
    head: task.head,
    get: (ref, file) => task.get(ref, file),
    put: async (file) => {
      const bytes = await Deno.readFile(file);
      new DataView(bytes.buffer).setFloat32(bytes.length - 4, NaN, true);
      await Deno.writeFile(file, bytes);
      return await task.put(file);
    },
    answer: (answer) => task.answer(answer),
    lost: task.lost,
    isLost: () => task.isLost(),
    decline: (why) => task.decline(why),
    note: (progress) => task.note(progress),
    release: () => task.release(),
  };
}

const cases: readonly (readonly [string, Partial<PretrainSettings>])[] = [
  ["spec", { adamState: "keep", validationRows: "own" }],
  ["spec", { validationRows: "own", validateAllEvery: 2 }],
  ["trim", {
    adamState: "average",
    outer: { kind: "nesterov", learningRate: 0.7, momentum: 0.9 },
  }],
];

for (const [variant, changes] of cases) {
  const isAtHome = changes.validationRows === "own"; // text, and what sources hold
  Deno.test(
    `pretrain() of ${variant} goes on without who is silent or refused, also when its leader is killed, and a replay has the same bytes${
      isAtHome ? "; text is with the silos" : ""
    }${"validateAllEvery" in changes ? ", and seldom all of it is asked for" : ""}`,
    () =>
      withSources(async (sources, folder) => {
        const all = { ...changes, rounds: 4, sourcesPerRound: 3, checkpointEverySteps: 1000 };
        const options = pretraining(variant, sources, folder, all);
        const end = new AbortController();
        const { signal } = end;
        const { lead, ended } = openSilos(options, sources, folder, { signal, isAtHome });
        const leader = isAtHome
          ? { ...options, sources: sources.map((source) => declared(options.variant, source)) }
          : options;
        // The record of round 3 is written; no checkpoint is.
        const info = (message: string, fields?: Readonly<Record<string, unknown>>) => {
          if (message === "round" && fields?.round === 3) throw new Error("killed");
        };
        const killed = { ...leader, log: { ...leader.log, info }, helpers: lead() };
        await assert.rejects(pretrain(killed), { message: "killed" });
        const made = await pretrain({ ...leader, helpers: lead() });
        end.abort();
        await ended;

        const metrics = Deno.makeTempDirSync({ dir: folder });
        writeMetrics(metrics, made);
        const replayed = readParticipations(join(metrics, "participants.jsonl"));
        const silent = "silent for 0.5 s";
        const rows = [...replayed.values()];
        const gamma = rows[2].leftOut.gamma;
        assert.match(gamma, /^expected finite values in "[\w.]+", found NaN at \d+$/);
        const unscored = [{}, { beta: silent }, { alpha: silent }, { gamma: silent }]; // alpha has no table at first
        if (changes.validateAllEvery === 2) unscored[2] = { gamma: "left out of the round" };
        assert.deepEqual(
          rows.map(({ round, leftOut, unscored }) => [round, leftOut, unscored]),
          [{ alpha: silent }, { beta: silent }, { gamma }, { beta: silent }]
            .map((leftOut, i) => [i + 1, leftOut, isAtHome ? unscored[i] : {}]),
        );
        for (const { sampled, accepted, leftOut } of rows) {
          assert.deepEqual(sampled, ["alpha", "beta", "gamma"]);
          assert.deepEqual(sampled.filter((name) => !(name in leftOut)), Object.keys(accepted));
        }

        const alone = pretraining(variant, sources, folder, all);
        same(await pretrain({ ...alone, replayed }), made);
        const everybody = await pretrain(pretraining(variant, sources, folder, all));
        assert.notDeepEqual(plain(everybody.last), plain(made.last));
      }),
  );
}

/** Tables that are with the silos are not compared. */
function same(alone: PretrainResult, made: PretrainResult): void {
  for (const at of ["last", "best"] as const) {
    const [{ groups }, { groups: there }] = [plain(alone[at]), plain(made[at])];
    assert.deepEqual(
      Object.fromEntries(Object.keys(there).map((name) => [name, groups[name]])),
      there,
    );
    assert.ok("model" in there);
  }
  assert.deepEqual(alone.metrics, made.metrics);
  assert.equal(alone.bestRound, made.bestRound);
}

Deno.test("pretrain() replays rounds of its own only, and readParticipations() reads nothing else", () =>
  withSources(async (sources, folder) => {
    const path = join(folder, "who.jsonl");
    const read = (...rows: readonly unknown[]) => {
      Deno.writeTextFileSync(path, rows.map((row) => JSON.stringify(row) + "\n").join(""));
      return readParticipations(path);
    };
    const good = {
      round: 2,
      sampled: ["alpha", "beta"],
      accepted: {},
      leftOut: { beta: "silent" },
      unscored: {},
    };
    const changes = { sourcesPerRound: 3 };
    for (
      const [row, found] of [
        [good, /in it, as the file of participants says, found alpha, beta, gamma; is the file/],
        [{ ...good, round: 3 }, /found a run of 2 rounds; is the file of a run with another/],
      ] as const
    ) {
      const options = pretraining("spec", sources, folder, changes);
      await assert.rejects(pretrain({ ...options, replayed: read(row) }), found);
    }
    const bad = [
      { ...good, leftOut: {} },
      { ...good, leftOut: { alpha: "silent", beta: "silent" } },
      { ...good, leftOut: { gamma: "silent" } },
      { ...good, sampled: "alpha" },
      { ...good, accepted: { alpha: 3 } },
      { ...good, round: "2" },
      { ...good, unscored: [] },
      "{",
    ];
    for (const row of bad) {
      assert.throws(() => read(good, row), {
        name: "UsageError",
        message: /^Cannot read participants in "who.jsonl", line 2: expected a round of its own/,
      });
    }
    assert.throws(() => read(good, good), /line 2/);
    assert.throws(
      () => readParticipations(join(folder, "none")),
      /Cannot read participants in "none": expected a file of rounds, found nothing there$/,
    );
  }));
