import assert from "node:assert/strict";
import { mutantResults } from "../instruments/recipes_fuzz.ts";

Deno.test("100 recipes that are written wrongly end in a sentence or a plan of what they say", async () => {
  const counts = { planned: 0, refused: 0 };
  for await (const { index, outcome } of mutantResults(0, 100, 5)) {
    assert.ok(outcome === "planned" || outcome === "refused", `mutant ${index}: ${outcome}`);
    counts[outcome]++;
  }
  assert.ok(counts.planned > 5 && counts.refused > 30, JSON.stringify(counts));
});
