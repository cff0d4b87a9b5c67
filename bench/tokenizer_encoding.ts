/** The parts of `deno task bench tokenizers` that are about encoding. */
export { encodingCells } from "./tokenizers/encoding.ts";
export { parityCells } from "./tokenizers/parity.ts";
