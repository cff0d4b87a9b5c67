/**
 * How files are fetched. No option changes a byte of a file, so none is part of a key.
 */
import type { Seed } from "../../base/mod.ts";

/** A secret and the one origin (scheme, host, port) that may see it. */
export interface HostToken {
  readonly origin: string;
  readonly token: string;
}

export interface HttpOptions {
  /** Transfers at once: of this process, or of all that have the same `slotsFolder`. */
  readonly maxTransfers: number;
  readonly slotsFolder?: string;
  /** Attempts without progress before giving up. */
  readonly maxAttempts: number;
  /** The first wait; each further one is twice as long, up to `maxDelayMs`, times a factor drawn from [0.5, 1). */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** A transfer that brings fewer than `minWindowBytes` in this time is cut and resumed. */
  readonly windowMs: number;
  readonly minWindowBytes: number;
  /** Most bytes of a file that is fetched; undefined: `mostDownloadBytes`, or `mostUnsizedBytes` where its length is not known. */
  readonly maxDownloadBytes?: number;
  /** Sent to its own origin only, and over plain HTTP only to this machine. */
  readonly tokens: readonly HostToken[];
  /** Seed of the jitter. Results do not depend on timing. */
  readonly seed: Seed;
  readonly signal?: AbortSignal;
  /** Called before a wait, with the reason. */
  onRetry?(reason: string, delayMs: number): void;
}

/** The largest files of data sets in use have 15 GB; a disk should not be filled by a server's mistake. */
export const mostDownloadBytes = 64 * 2 ** 30;

/** Of a file whose server does not say how long it is: it may have no end. */
export const mostUnsizedBytes = 256 * 2 ** 20;

export const httpDefaults: HttpOptions = {
  maxTransfers: 4,
  maxAttempts: 6,
  firstDelayMs: 500,
  maxDelayMs: 30_000,
  windowMs: 30_000,
  minWindowBytes: 4096,
  tokens: [],
  seed: [0x68747470, 0, 0, 0],
};
