/**
 * Files of a hub or of URLs, listed by pattern and kept in a cache.
 *
 * ```ts
 * import { isRemote, parseHubReference } from "./mod.ts";
 *
 * const text = "hf://datasets/allenai/c4@main/en/c4-train.*.json.gz";
 * console.log(isRemote(text), parseHubReference(text).glob); // true en/c4-train.*.json.gz
 * ```
 */
export { type HubFile, listHub } from "./hub.ts";
export { globPattern, isGlob, parseHubReference } from "./hub_reference.ts";
export {
  isRemote,
  type RemoteEntry,
  remoteEnvironment,
  remotePath,
  RemoteStore,
  sharedCacheFolder,
} from "./remote_store.ts";
