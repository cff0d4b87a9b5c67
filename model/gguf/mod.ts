/**
 * GGUF files: networks for llama.cpp and its relatives.
 *
 * ```ts
 * import { GgufFile, ggufParts } from "./mod.ts";
 *
 * const path = Deno.makeTempFileSync();
 * using file = Deno.openSync(path, { write: true });
 * const tensor = { name: "output_norm.weight", shape: [2], data: Float32Array.of(1, 2), type: "F32" } as const;
 * for (const part of ggufParts({ "general.name": { type: "string", value: "mine" } }, [tensor])) file.writeSync(part);
 * using found = GgufFile.open(path);
 * console.log(found.keys.get("general.name"), [...found.elements("output_norm.weight")]);
 * ```
 */
export type { ElementType, GgufKeys, GgufValue } from "./gguf.ts";
export { ggufArchitecture, ggufName, ggufNetworkKeys, ggufTensors } from "./gguf_network.ts";
export { GgufFile } from "./gguf_reader.ts";
export { ggufParts, type GgufTensor } from "./gguf_writer.ts";
