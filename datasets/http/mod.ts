/**
 * Files over HTTP: read in place by ranges, or fetched whole into a cache.
 *
 * ```ts
 * import { DownloadCache, HttpClient, openHttp } from "./mod.ts";
 *
 * const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("one\ntwo\n"));
 * const client = new HttpClient({ maxTransfers: 2 });
 * const folder = Deno.makeTempDirSync();
 * const { size } = await new DownloadCache(folder, client).fetch(`http://127.0.0.1:${server.addr.port}/a.txt`);
 * console.log(size, typeof openHttp); // 8, function
 * await server.shutdown();
 * ```
 */
export { type CachedFile, DownloadCache } from "./download_cache.ts";
export { decoded, HttpClient, shown } from "./http_client.ts";
export { openHttp } from "./http_input.ts";
export { type HttpOptions } from "./http_options.ts";
export { probe, remoteBytes, type RemoteFile } from "./remote_file.ts";
