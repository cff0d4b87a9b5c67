/**
 * The version of this program.
 */
import config from "../deno.json" with { type: "json" };

/** As `deno.json` says; beside it that of Deno, which results depend on. */
export const version: string = `${config.version} (deno ${Deno.version.deno})`;
