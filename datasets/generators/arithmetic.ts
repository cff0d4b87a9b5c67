/**
 * Lines of sums, differences and products. Every result is right, so a model that can calculate needs no bits for it.
 *
 * A line often starts with the result of the line before.
 */
import { numbers } from "./lists.ts";
import { documentLength } from "./options.ts";
import { type Choice, type Process, processSource, type State, States } from "./process.ts";
import { zipf } from "./zipf.ts";

interface ArithmeticOptions {
  /** Lines of a document: uniform from `minLines` to `maxLines`. */
  readonly minLines?: number;
  readonly maxLines?: number;
}

export const source = processSource(arithmeticProcess);

/** Kinds of documents, by the heading that names them: which signs they use, and how often. */
const headings = {
  "Sums": { "+": 1 },
  "Differences": { "-": 1 },
  "Products": { "*": 1 },
  "Sums and differences": { "+": 0.6, "-": 0.4 },
  "Reckoning": { "+": 0.5, "-": 0.3, "*": 0.2 },
} as const satisfies Record<string, Partial<Record<Sign, number>>>;

type Sign = "+" | "-" | "*";

const largest = { operand: 50, factor: 12 } as const;
/** Chance that a line starts with the last result, if that is a possible first operand. */
const chained = 0.3;

/** The choices that make a document. @throws UsageError for an unknown option or a range that is not valid. */
export function arithmeticProcess(options: ArithmeticOptions): Process {
  const defaults = { minLines: 24, maxLines: 72 };
  const length = documentLength("generated source arithmetic", options, defaults, 10_000);
  const states = new States();
  const opening = states.at(
    "heading",
    () =>
      zipf(Object.keys(headings), 2).map(({ item, weight }): Choice => [
        weight,
        `${item}\n`,
        states.at(`first/${item}`, () => line(item as keyof typeof headings, undefined)),
      ]),
  );
  return { openings: [opening], ...length, joints: [{ text: "\n", weight: 1 }] };

  /** A line's first operand and sign. `last` is the result of the line before. */
  function line(heading: keyof typeof headings, last: number | undefined): Choice[] {
    return Object.entries(headings[heading]).flatMap(([sign, share]) => {
      const operands = firstOperands(sign as Sign);
      const isChained = last !== undefined && operands.includes(last);
      const fresh = operands.map((operand): Choice => [
        share * (isChained ? 1 - chained : 1) / operands.length,
        `${operand} ${sign}`,
        secondOperand(heading, operand, sign as Sign),
      ]);
      if (!isChained) return fresh;
      const again = secondOperand(heading, last, sign as Sign);
      return [...fresh, [share * chained, `${last} ${sign}`, again] as Choice];
    });
  }

  /** The second operand decides the rest of the line. */
  function secondOperand(heading: keyof typeof headings, first: number, sign: Sign): State {
    return states.at(
      `${heading}/${first}${sign}`,
      () =>
        secondOperands(first, sign).map((second): Choice => {
          const result = calculate(first, sign, second);
          const next = states.boundary(`${heading}/${result}`, () => line(heading, result));
          return [1, ` ${second} = ${result}`, next];
        }),
    );
  }
}

function firstOperands(sign: Sign): number[] {
  return countTo(sign === "*" ? largest.factor : largest.operand);
}

/** Differences are never negative. */
function secondOperands(first: number, sign: Sign): number[] {
  if (sign === "*") return countTo(largest.factor);
  return countTo(sign === "-" ? first : largest.operand);
}

function countTo(last: number): number[] {
  return numbers(last).map((n) => n + 1);
}

function calculate(a: number, sign: Sign, b: number): number {
  switch (sign) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    default:
      return sign satisfies never;
  }
}
