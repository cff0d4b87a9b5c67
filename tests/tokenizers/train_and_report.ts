/** Trains on invented text with a checkpoint in a folder and prints the pieces: a process to be killed. */
import { trainPieces, unigramDefaults } from "../../tokenizers/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";

const config = { ...unigramDefaults, vocabSize: 400, shrinkingFactor: 0.9 };
const pieces = await trainPieces(inventedDocuments(400), config, {
  checkpointFolder: Deno.args[0],
  checkpointBytes: 1 << 14,
  checkpointMs: 0,
  threads: 2,
  eagerThreads: true,
  log: { info: (message) => console.error(message) },
});
console.log(JSON.stringify(pieces));
