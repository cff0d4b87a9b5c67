/** Another toy registry entry. */
import { mix } from "./mix.ts";

export const rule = (state: number, draw: number): number => mix(draw, state);
