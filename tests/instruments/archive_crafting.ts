/**
 * Archives of results that were changed: entries, headers, manifests and objects, with digests that agree or do not.
 */
import { createHash } from "node:crypto";
import { canonicalJson, sha256 } from "../../base/mod.ts";
import { actionKey } from "../../pipeline/key.ts";
import { type Manifest, sealed } from "../../pipeline/manifest.ts";
import { writeTar } from "../../pipeline/tar.ts";

export interface Entry {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Makes a crafted archive of the entries of a good one. */
export type Crafting = (good: readonly Entry[]) => Promise<Uint8Array> | Uint8Array;

export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
export const bytesOf = (text: string) => new TextEncoder().encode(text);
export const isListing = ({ path }: Entry) => /^objects\/..\/[0-9a-f]{64}\.json$/.test(path);
export const isFile = ({ path }: Entry) => /^objects\/..\/[0-9a-f]{64}\//.test(path);
export const isManifest = ({ path }: Entry) => path.startsWith("manifests/");

/** The archive of entries as `push` writes it. */
export async function tarOf(entries: readonly Entry[]): Promise<Uint8Array> {
  return await joined(writeTar(entries.map(({ path, bytes }) => ({
    path,
    bytes: bytes.length,
    content: ReadableStream.from([bytes]),
  }))));
}

export async function joined(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of parts) all.push(part.slice());
  return new Uint8Array(await new Blob(all).arrayBuffer());
}

/** Entries with some of them changed; undefined leaves one out. */
export function changing(
  which: (entry: Entry) => boolean,
  change: (entry: Entry) => Entry | readonly Entry[] | undefined,
): Crafting {
  return (good) => tarOf(good.flatMap((entry) => which(entry) ? change(entry) ?? [] : [entry]));
}

/** Manifests with members replaced; undefined removes one. They keep the digest that they had. */
export function manifests(members: Readonly<Record<string, unknown>>): Crafting {
  return changing(isManifest, ({ path, bytes }) => {
    const manifest = { ...JSON.parse(text(bytes)), ...members };
    return { path, bytes: bytesOf(JSON.stringify(manifest)) };
  });
}

/** The same, with a digest of what they say then, and under the key of their record. */
export function resealed(change: (manifest: Manifest) => Partial<Manifest>): Crafting {
  return changing(isManifest, ({ bytes }) => {
    const { digest: _, ...rest } = JSON.parse(text(bytes)) as Manifest;
    const changed = { ...rest, ...change(rest) };
    const key = actionKey(changed.record);
    const made = sealed({ ...changed, key });
    return { path: `manifests/${key}.json`, bytes: bytesOf(JSON.stringify(made)) };
  });
}

/** Archives whose every object has these files in place of its own: listings, names and manifests agree. */
export function objects(
  files: (own: readonly Entry[]) => readonly Entry[],
  more: object = {},
): Crafting {
  return (good) => {
    const digests = new Map<string, string>();
    const entries = good.flatMap((entry) => {
      if (isFile(entry)) return [];
      if (isManifest(entry)) {
        const { digest: _, ...rest } = JSON.parse(text(entry.bytes)) as Manifest;
        const outputs = Object.fromEntries(
          Object.entries(rest.outputs).map(([name, own]) => [name, digests.get(own)!]),
        );
        return [{ path: entry.path, bytes: bytesOf(JSON.stringify(sealed({ ...rest, outputs }))) }];
      }
      if (!isListing(entry)) return [entry];
      const own = entry.path.slice(11, 75);
      const made = files(
        good.filter(({ path }) => path.startsWith(`objects/${own.slice(0, 2)}/${own}/`))
          .map(({ path, bytes }) => ({ path: path.slice(76), bytes })),
      );
      const listing = made.map(({ path, bytes }) => ({
        path,
        bytes: bytes.length,
        chunks: bytes.length === 0 ? [] : [createHash("sha256").update(bytes).digest("hex")],
        ...more,
      }));
      const digest = sha256(canonicalJson(listing));
      digests.set(own, digest);
      const base = `objects/${digest.slice(0, 2)}/${digest}`;
      return [
        { path: `${base}.json`, bytes: bytesOf(JSON.stringify(listing)) },
        ...made.map(({ path, bytes }) => ({ path: `${base}/${path}`, bytes })),
      ];
    });
    return tarOf(entries);
  };
}

/** The first header of an archive with a field of its own, and its checksum made right again. */
export function header(at: number, field: string, type = "0"): Crafting {
  return async (good) => {
    const archive = await tarOf(good);
    archive.set(bytesOf(field), at);
    archive[156] = type.charCodeAt(0);
    archive.fill(0x20, 148, 156);
    const sum = archive.subarray(0, 512).reduce((sum, byte) => sum + byte, 0);
    archive.set(bytesOf(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return archive;
  };
}

/** An archive that begins with a pax header of these records. */
export function pax(records: string): Crafting {
  return async (good) => {
    const archive = await tarOf(good);
    const size = records.length.toString(8).padStart(11, "0") + "\0";
    const first = await header(124, size, "x")(good);
    const data = new Uint8Array(Math.ceil(records.length / 512) * 512);
    data.set(bytesOf(records));
    return await joined(ReadableStream.from([first.subarray(0, 512), data, archive]));
  };
}
