import { throws } from "node:assert/strict";
import { join } from "node:path";
import { writeTokenShards } from "../../datasets/mod.ts";
import { checkEvaluationText, checkTrainingText } from "../../stages/text_checks.ts";
import { temporaryFolder } from "../support/command_line.ts";

const endId = 2;

Deno.test("texts of a source that are too short are named before training, all at once", async () => {
  using folder = temporaryFolder();
  const shards = async (name: string, ...documents: number[][]) => {
    const path = join(folder.path, name);
    Deno.mkdirSync(path);
    const texts = documents.map((ids) => ({ ids: Int32Array.from(ids), bytes: ids.length }));
    await writeTokenShards(path, texts, { vocabSize: 10, endId });
    return path;
  };
  const inputs = {
    "train/aa": await shards("long", [5, 6, 7]), // 4 tokens with the end
    "train/bb": await shards("short", [5]),
    "train/cc": await shards("shorter", []),
    "validation/aa": await shards("two", [5, 6]),
    "validation/bb": await shards("one", [5]),
    "validation/cc": await shards("none", []),
    "test/aa": await shards("two for the test", [5, 6]),
    "test/bb": await shards("one for the test", [5]),
    "test/cc": await shards("none for the test", []),
  };
  throws(() => checkTrainingText(inputs, 4, 0), {
    name: "UsageError",
    message:
      'Cannot train on source "bb": expected at least 4 tokens (one window of model.seqLen), ' +
      "found 2; add training text to the source or set a shorter model.seqLen\n" +
      'Cannot train on source "cc": expected at least 4 tokens (one window of model.seqLen), ' +
      "found 1; add training text to the source or set a shorter model.seqLen\n" +
      'Cannot validate source "bb": expected text of at least 2 tokens, found 1; add validation text\n' +
      'Cannot validate source "cc": expected text of at least 2 tokens, found 0; add validation text',
  });
  const { "train/aa": train, "validation/aa": validation } = inputs;
  checkTrainingText({ "train/aa": train, "validation/aa": validation }, 4, 0);
  throws(
    () => checkTrainingText({ "train/aa": train, "validation/aa": validation }, 4, 0.1),
    /Cannot train on source "aa": expected at least 8 tokens \(two windows of model.seqLen\), found 4/,
  );
  throws(() => checkEvaluationText(inputs), {
    name: "UsageError",
    message: 'Cannot evaluate source "bb": expected test text of at least 2 tokens, found 1; ' +
      "add test files, or raise documents.testShare\n" +
      'Cannot evaluate source "cc": expected test text of at least 2 tokens, found 0; ' +
      "add test files, or raise documents.testShare",
  });
});
