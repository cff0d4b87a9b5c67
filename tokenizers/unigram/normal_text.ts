/**
 * Text in normal form that knows which characters of the text it comes from.
 */
import { type NormalizerOptions, ruleOf } from "./normalizer.ts";

/** A normal form; its UTF-16 unit i comes from `starts[i] … ends[i]` of the text, also in units. */
interface NormalText {
  readonly text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

interface Unit {
  readonly unit: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The text that `normalizerOf(options)` gives, with origins. Characters that change together come from all characters they were made of:
 * `é` from a letter and its mark, both letters of `fi` from `ﬁ`, one space from a run. A space put in front comes from nothing.
 */
export function normalTextOf(text: string, options: NormalizerOptions): NormalText {
  const normalize = ruleOf(options.normalizationRule);
  let units: Unit[] = [];
  const add = (normal: string, start: number, end: number) => {
    for (const unit of normal.split("")) units.push({ unit, start, end });
  };
  for (const { part, at } of clusters(text.toWellFormed(), options.normalizationRule)) {
    const whole = normalize(part);
    const characters = Array.from(part, (character) => normalize(character));
    if (characters.join("") !== whole) {
      add(whole, at, at + part.length);
      continue;
    }
    let from = at;
    for (const character of part) add(characters.shift()!, from, from += character.length);
  }
  if (options.removeExtraWhitespaces) units = withoutExtraSpaces(units);
  if (options.addDummyPrefix && units.length > 0 && units[0].unit !== " ") {
    units.unshift({ unit: " ", start: units[0].start, end: units[0].start });
  }
  return {
    text: units.map(({ unit }) => unit).join(""),
    starts: units.map(({ start }) => start),
    ends: units.map(({ end }) => end),
  };
}

/** A character that decomposes to a mark, or to a vowel or an end of Hangul: its normal form may depend on the text before it. */
const follower = /^[\p{M}\u1160-\u11ff\u{16d63}\u{16d67}]/u;
// deno-lint-ignore no-control-regex -- `nmt_nfkc` drops these, which brings their neighbours together
const dropped = /^[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/;

/** Cuts text so that the parts' normal forms, joined, are that of the whole: before characters that nothing before can change. */
function* clusters(
  text: string,
  rule: NormalizerOptions["normalizationRule"],
): Generator<{ part: string; at: number }> {
  let at = 0;
  let end = 0; // of what belongs together for sure
  let place = 0;
  for (const character of text) {
    const next = place + character.length;
    if (follower.test(character.normalize("NFKD"))) end = next;
    else if (rule !== "nmt_nfkc" || !dropped.test(character) || at === end) {
      // Dropped characters before this one are parts of their own.
      if (end > at) yield { part: text.slice(at, end), at };
      for (at = end; at < place; at++) yield { part: text[at], at };
      [at, end] = [place, next];
    }
    place = next;
  }
  if (end > at) yield { part: text.slice(at, end), at };
  for (at = end; at < text.length; at++) yield { part: text[at], at };
}

/** Runs as one space, none at either end. */
function withoutExtraSpaces(units: readonly Unit[]): Unit[] {
  const kept: Unit[] = [];
  for (const one of units) {
    const last = kept.at(-1);
    if (one.unit === " " && last?.unit === " ") kept[kept.length - 1] = { ...last, end: one.end };
    else kept.push(one);
  }
  if (kept[0]?.unit === " ") kept.shift();
  if (kept.at(-1)?.unit === " ") kept.pop();
  return kept;
}
