/**
 * Norms of summed gradients, as every engine reports them, and the factor that clips them.
 */
import type { UpdateResult } from "./engine.ts";

/**
 * @param squares Sum of squares by parameter.
 * @param total Their sum, where that was added up element by element.
 */
export function gradientNormsOf(
  squares: readonly (readonly [string, number])[],
  total: number = squares.reduce((sum, [, square]) => sum + square, 0),
): UpdateResult {
  const gradientNorm = Math.sqrt(total);
  return {
    gradientNorm,
    gradientNorms: Object.fromEntries(
      squares.map(([parameter, square]) => [parameter, Math.sqrt(square)]),
    ),
    applied: Number.isFinite(gradientNorm),
  };
}

/** What gradients of this norm are multiplied by, so that their norm is `clipNorm` at most. */
export function clipFactor(gradientNorm: number, clipNorm: number): number {
  return gradientNorm > clipNorm ? clipNorm / gradientNorm : 1;
}
