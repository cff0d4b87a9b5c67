/**
 * Paths of the checkout, for tests.
 */
import { fileURLToPath } from "node:url";

export const fromFileUrl = (url: string | URL): string => fileURLToPath(url);

/** The project's root folder, without a slash at its end. */
export const projectRoot: string = fileURLToPath(new URL("../..", import.meta.url)).replace(
  /\/$/,
  "",
);
