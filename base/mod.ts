/**
 * Ground floor: modules that every room may use. Imports nothing but Deno and `node:` built-ins.
 *
 * ```ts
 * import { canonicalJson, sha256 } from "./mod.ts";
 * console.log(sha256(canonicalJson({ b: 1, a: [true, null] })).slice(0, 8)); // the digest of {"a":[true,null],"b":1}
 * ```
 */
export { readFully, writeAll } from "./all_bytes.ts";
export {
  createFileAtomic,
  syncFile,
  syncFolder,
  writeFileAtomic,
  writeFileSynced,
  writeParts,
  writePartsSynced,
} from "./atomic_file.ts";
export { canonicalJson, isDeeperThan, type Json } from "./canonical_json.ts";
export { decimalOf } from "./decimal.ts";
export { digestIfThere, partsOfFile, sha256, sha256OfFile } from "./digest.ts";
export { messageOf, RecipeError, StageError, UsageError } from "./errors.ts";
export { reportFileLimit } from "./file_limit.ts";
export { freeMemoryBytes } from "./free_memory.ts";
export { maxThreads } from "./limits.ts";
export { lines, wholeLines } from "./lines.ts";
export { type Log, type Progress, silentLog } from "./log.ts";
export { didYouMean, nearestName } from "./names.ts";
export { isFile, readIfThere, readTextIfThere } from "./optional_file.ts";
export { ProtoError, ProtoWriter, readFields } from "./protobuf.ts";
export { Random, type Seed, seedOf } from "./random.ts";
export { removeQuietly, removeTree } from "./remove_tree.ts";
export { SavePoints } from "./save_points.ts";
export { leaveSignals } from "./signals.ts";
export { shellWord } from "./shell_word.ts";
export { shownText } from "./shown_text.ts";
export { systemError } from "./system_errors.ts";
export { formatBytes, formatCount, formatDuration } from "./units.ts";
export { readWholeFile, textOfFile } from "./whole_file.ts";
