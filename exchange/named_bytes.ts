/**
 * Bytes by name: all that a place must offer to serve as an exchange. A backend is one implementation of this.
 */

/** A name in a folder. */
export interface Entry {
  readonly name: string;
  /** Of what lies under the name; undefined for a folder. */
  readonly bytes?: number;
  /** Another one when other bytes lie under the name. */
  readonly tag?: string;
}

/**
 * Names are paths, parts joined with `/`; folders come and go with what lies in them. Each operation is whole or has not happened; one
 * whose reply is lost may be repeated.
 */
export interface NamedBytes extends AsyncDisposable {
  /** Where it is, for messages. */
  readonly place: string;
  /** How soon, and how late at the latest, who waits for something looks again. */
  readonly pollMs: { readonly least: number; readonly most: number };
  /** The bytes under a name; undefined where there are none. @throws TooLargeError for more than `maxBytes`, without reading them all. */
  read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes where nothing lies. Returns false, and leaves what is there, if something does. Of any number at once one writes. */
  create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Writes, whatever lies there. */
  replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** What lies under a name; undefined for nothing. */
  find(name: string): Promise<Entry | undefined>;
  /** What lies directly in a folder, by name; nothing where there is none. */
  list(folder: string): Promise<readonly Entry[]>;
  /** Removes what lies under a name, and all that lies in it as in a folder; absent is fine. */
  remove(name: string): Promise<void>;
}

/** More bytes lie under a name than their reader takes. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/** The place cannot be reached now. It may be later: whoever waits goes on waiting. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** Writes where nothing lies. Returns the bytes that lie there then: these, or those that came first. */
export async function createOnce(
  place: NamedBytes,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  for (;;) {
    if (await place.create(name, bytes)) return bytes;
    const standing = await place.read(name, maxBytes);
    if (standing !== undefined) return standing; // else it was removed since
  }
}
