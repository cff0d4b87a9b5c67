/**
 * Every cell of the paper's Tables 2 and 9 from the cost model, within the rounding of print.
 */
import assert from "node:assert/strict";
import { paperCosts } from "../../stages/report/paper_costs.ts";
import { type CostInputs, costRows, nominalBody } from "../../training/mod.ts";

// DEPT App. A.2; the eighth language follows from the printed mean and deviation.
const languages = [247_720, 211_332, 208_391, 170_984, 188_002, 220_757, 240_566, 241_328];
const domains = [
  ...[49_362, 49_783, 46_766, 49_469, 49_700, 47_865, 48_720, 11_090],
  ...[44_249, 42_957, 44_432, 49_992, 49_841, 47_687, 49_961, 46_825],
];
const neox = 50_257;

function inputs(
  nominal: number,
  dModel: number,
  globalVocabSize: number,
  localVocabSizes: readonly number[],
  rounds: number,
): CostInputs {
  return {
    bodyParameters: nominalBody(nominal, neox, dModel),
    dModel,
    globalVocabSize,
    localVocabSizes,
    ownVocabSizes: localVocabSizes.map(() => neox),
    localSteps: 500,
    rounds,
    positions: 0,
  };
}

const runs: Readonly<Record<string, CostInputs>> = {
  "multilingual-12": inputs(125e6, 768, 250_112, languages, 10),
  "multilingual-24": inputs(1.3e9, 2048, 250_112, languages, 14),
  "multidomain-12": inputs(125e6, 768, neox, domains, 10),
  "multidomain-24": inputs(350e6, 1024, neox, domains, 27),
};

const units: Readonly<Record<string, number>> = { M: 1e6, B: 1e9, "×": 1, "": 1 };

for (const [table, methods] of Object.entries(paperCosts)) {
  for (const [method, cells] of Object.entries(methods)) {
    Deno.test(`costRows() gives the paper's cells of ${table}, ${method}`, () => {
      const row = costRows(runs[table]).find((row) => row.method === method.toLowerCase())!;
      const [vocabSize, deviation] = cells.localVocabSize.replaceAll(",", "").split(" ± ");
      const compare: [keyof typeof cells, string, number][] = [
        ["localSteps", cells.localSteps, row.localSteps],
        ["rounds", cells.rounds, row.rounds],
        ["localVocabSize", vocabSize, row.vocabSize],
        ["embeddingParameters", cells.embeddingParameters, row.embeddingParameters],
        ["parameters", cells.parameters, row.parameters],
        ["parametersRatio", cells.parametersRatio, row.parametersRatio],
        ["communication", cells.communication, row.communication],
        ["communicationRatio", cells.communicationRatio, row.communicationRatio],
      ];
      for (const [cell, printed, found] of compare) {
        if (!cells.slips?.includes(cell)) assertPrints(printed, found, cell);
      }
      if (deviation !== undefined) assertPrints(deviation, row.vocabSizeDeviation!, "deviation");
    });
  }
}

Deno.test("costRows() finds the paper's slips where they are known", () => {
  const trim = (run: string) => costRows(runs[run]).find(({ method }) => method === "trim")!;
  assertPrints("45543.7", trim("multidomain-12").vocabSize, "mean"); // printed 45,554
  assertPrints("0.906", trim("multilingual-12").parametersRatio, "ratio"); // printed 0.92
  assertPrints("0.986", trim("multidomain-24").parametersRatio, "ratio"); // printed 0.97
  assertPrints("51.46M", costRows(runs["multidomain-24"])[0].embeddingParameters, "table"); // 51.4
});

Deno.test("costRows() counts learned positions in memory, and never sends SPEC's", () => {
  const small: CostInputs = {
    bodyParameters: 100,
    dModel: 2,
    globalVocabSize: 10,
    localVocabSizes: [4, 8],
    ownVocabSizes: null,
    localSteps: 5,
    rounds: 3,
    positions: 7,
  };
  const [std, glob, trim, spec] = costRows(small);
  assert.equal(std.parameters, 134); // 100 + (7 + 10)·2
  assert.equal(std.localSteps, 15);
  assert.equal(glob.communication, 26.8); // 134 / 5
  assert.equal(trim.parameters, 126); // 100 + (7 + 6)·2
  assert.equal(trim.vocabSizeDeviation, Math.sqrt(8)); // √((4 + 4)/(2 − 1))
  assert.equal(trim.communication, 25.2);
  assert.equal(spec.parameters, 126);
  assert.equal(spec.communication, 20); // the body
  assert.equal(costRows({ ...small, localVocabSizes: null }).length, 2);
  const [untied] = costRows({ ...small, tables: 2 });
  assert.equal(untied.parameters, 154); // 100 + (7 + 2·10)·2
});

Deno.test("costRows() refuses sizes that are not positive", () => {
  const broken = { ...runs["multidomain-12"], localVocabSizes: [5, 0] };
  assert.throws(() => costRows(broken), /expected localVocabSizes\[1\] above 0, found 0/);
  assert.throws(
    () => costRows({ ...broken, localVocabSizes: [] }),
    /at least one source, found none/,
  );
});

/** Within half a unit of the last printed digit. */
function assertPrints(printed: string, found: number, cell: string): void {
  const [, digits, exponent, unit] = /^([\d.]+)(?:e(\d))?([MB×]?)$/.exec(printed)!;
  const scale = 10 ** Number(exponent ?? 0) * units[unit];
  const decimals = digits.split(".")[1]?.length ?? 0;
  const off = Math.abs(found / scale - Number(digits));
  assert.ok(off <= 0.5001 * 10 ** -decimals, `${cell}: expected ${printed}, found ${found}`);
}
