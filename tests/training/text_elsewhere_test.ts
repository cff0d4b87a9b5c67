/**
 * A leader that knows of each source only what its silo declares: the bytes of a run that has the text.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  HeldStates,
  type LocalHelpers,
  LocalTrainer,
  pretrain,
  tensorsOf,
  type ValidationLoss,
} from "../../training/mod.ts";
import { declared, helpersOf, plain, pretraining, withSources } from "./support.ts";

for (const id of ["glob", "trim", "spec", "spec-opt"]) {
  Deno.test(`pretrain() of ${id} without text gives parameters, metrics and tables of a run that has it`, () =>
    withSources(async (sources, folder) => {
      const changes = { rounds: 3, sourcesPerRound: 2, validationRows: "own" } as const;
      const alone = await pretrain(pretraining(id, sources, folder, changes));

      const options = pretraining(id, sources, folder, changes);
      const silos = new Map(sources.map((source) => {
        const checkpointFolder = Deno.makeTempDirSync({ dir: folder });
        const held = new HeldStates(join(checkpointFolder, "held"));
        const own = { ...options, sources: [source], checkpointFolder, held, judges: true };
        return [source.name, { trainer: new LocalTrainer(own), held }];
      }));
      const helpers: LocalHelpers = {
        ...helpersOf((task) => silos.get(task.name)!.trainer.train(task)),
        async score(tasks) {
          const losses: Record<string, ValidationLoss> = {};
          for (const [name, task] of tasks) {
            losses[name] = await silos.get(name)!.trainer.score(task());
          }
          return { losses, unscored: {} };
        },
      };
      const leader = {
        ...options,
        sources: sources.map((source) => declared(options.variant, source)),
        helpers,
      };
      const { last, best, metrics, bestRound, held } = await pretrain(leader);
      assert.deepEqual(metrics, alone.metrics);
      assert.equal(bestRound, alone.bestRound);
      for (const at of ["last", "best"] as const) {
        const [mine, whole] = [{ last, best }[at], alone[at]].map((model) => plain(model));
        assert.deepEqual(Object.keys(mine.groups), ["model"], "tables stay with the silos");
        assert.deepEqual(mine.groups.model, whole.groups.model);
        for (const [name, digest] of Object.entries(held[at])) {
          const { local } = silos.get(name)!.held.read(digest);
          assert.deepEqual(
            local && tensorsOf(local),
            alone[at].groups[`local-${name}`] && tensorsOf(alone[at].groups[`local-${name}`]),
          );
        }
      }
    }));
}
