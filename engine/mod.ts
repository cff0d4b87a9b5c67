/**
 * Engines by the name that recipes and `--engine` use. An engine's module is loaded only when it is chosen, so that no native
 * library is touched before.
 *
 * ```ts
 * import { engineModule } from "./mod.ts";
 * const { engine } = await import(engineModule("reference"));
 * console.log(engine.name); // reference
 * ```
 */
export { findAdapter, type GpuAdapter } from "./adapter.ts";
export type * from "./engine.ts";
export { engineModule, type EngineRow, engineRow, engines, enginesWith } from "./engines.ts";
export * from "./placement.ts";
