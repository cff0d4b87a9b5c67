/**
 * Programs in Brin, an invented small language: indented blocks, matching brackets, and names that a function declares
 * in its first lines and uses until its last.
 */
import { documentLength } from "./options.ts";
import { type Choice, type Process, processSource, type State, States } from "./process.ts";
import { zipf } from "./zipf.ts";

interface CodeOptions {
  /** Functions of a program: uniform from `minFunctions` to `maxFunctions`. */
  readonly minFunctions?: number;
  readonly maxFunctions?: number;
}

export const source = processSource(codeProcess);

/** What a program is about: the names of its values and of the library functions that it calls. */
interface Domain {
  readonly values: readonly string[];
  readonly calls: readonly string[];
}

const domains: Readonly<Record<string, Domain>> = {
  garden: domain("seeds rows water bloom", "plant prune rake"),
  harbor: domain("ships cargo tide crew", "moor load sail"),
  kitchen: domain("flour salt heat loaves", "knead bake stir"),
  library: domain("books pages shelf loans", "lend sort bind"),
  orchard: domain("apples trees crates bees", "pick press graft"),
  railway: domain("trains tracks steam cars", "couple route brake"),
  theater: domain("actors seats lights scenes", "cast dim bow"),
  village: domain("wells roofs bread fields", "build share tend"),
};

function domain(values: string, calls: string): Domain {
  return { values: values.split(" "), calls: calls.split(" ") };
}

const verbs = ["count", "grow", "mix", "split", "move", "trim", "join", "check"];
const operators = ["+", "-", "*", "%"];
const comparisons = ["<", ">", "==", "!="];
/** Statements between a function's first `let` and its `return`. */
const maxStatements = 3;

/** The names that a function may use: its two parameters and its local variable. */
interface Scope {
  readonly domain: string;
  readonly first: string;
  readonly second: string;
  readonly local: string;
}

/** The choices that make a program. @throws UsageError for an unknown option or a range that is not valid. */
export function codeProcess(options: CodeOptions): Process {
  const defaults = { minFunctions: 3, maxFunctions: 7 };
  const length = documentLength("generated source code", options, defaults, 1000);
  return { openings: [new Programs().opening()], ...length, joints: [{ text: "\n\n", weight: 1 }] };
}

class Programs {
  readonly #states = new States();

  opening(): State {
    return this.#states.at("module", () =>
      Object.keys(domains).map((domain): Choice => [
        1,
        `module ${domain};\n\n`,
        this.#states.at(`first/${domain}`, () => this.#function(domain)),
      ]));
  }

  #boundary(domain: string): State {
    return this.#states.boundary(`function/${domain}`, () => this.#function(domain));
  }

  #function(domain: string): Choice[] {
    return zipf(verbs, 2).flatMap((verb) =>
      zipf(domains[domain].values, 1).map((value): Choice => [
        verb.weight * value.weight,
        `fn ${verb.item}_${value.item}(`,
        this.#parameters(domain, value.item),
      ])
    );
  }

  /** The value in the function's name becomes the local variable; parameters are other values. */
  #parameters(domain: string, local: string): State {
    return this.#states.at(`parameters/${domain}/${local}`, () => {
      const values = domains[domain].values.filter((value) => value !== local);
      return zipf(values, 1).flatMap((first) =>
        zipf(values.filter((value) => value !== first.item), 1).map((second): Choice => {
          const scope = { domain, first: first.item, second: second.item, local };
          return [
            first.weight * second.weight,
            `${first.item}, ${second.item}) {\n  let ${local} =`,
            this.#expression("let", scope, ";", this.#statement(scope, 0)),
          ];
        })
      );
    });
  }

  /** Statement number `done` of the body, or its end. */
  #statement(scope: Scope, done: number): State {
    return this.#states.at(`statement/${done}/${scopeKey(scope)}`, () => {
      const result = this.#expression("return", scope, ";\n}", this.#boundary(scope.domain));
      const end: Choice = [2, "\n  return", result];
      if (done === maxStatements) return [end];
      const next = this.#statement(scope, done + 1);
      const value = this.#expression(`set/${done}`, scope, ";", next);
      return [
        end,
        ...names(scope).flatMap(([weight, name]): Choice[] => [
          [weight * 3, `\n  ${name} =`, value],
          [weight * 2, `\n  if ${name}`, this.#condition("if", scope, name, done, next)],
          [weight, `\n  while ${name}`, this.#condition("while", scope, name, done, next)],
        ]),
      ];
    });
  }

  /** Compares `name` with a number or another name; the block of a loop changes `name`, that of an `if` may return. */
  #condition(kind: "if" | "while", scope: Scope, name: string, done: number, next: State): State {
    return this.#states.at(`${kind}/${done}/${name}/${scopeKey(scope)}`, () => {
      const value = this.#expression(`block/${done}`, scope, ";\n  }", next);
      const block = this.#states.at(
        `${kind}-block/${done}/${name}/${scopeKey(scope)}`,
        () =>
          kind === "while"
            ? [[1, `    ${name} =`, value]]
            : [[2, `    ${scope.local} =`, value], [1, "    return", value]],
      );
      const others = [...names(scope).filter(([, other]) => other !== name), ...literals];
      return zipf(comparisons).flatMap((comparison) =>
        others.map(([weight, other]): Choice => [
          comparison.weight * weight,
          ` ${comparison.item} ${other} {\n`,
          block,
        ])
      );
    });
  }

  /** `a`, `a + b`, `call(a)` or `call(a, b)`, then what closes the statement. */
  #expression(use: string, scope: Scope, close: string, next: State): State {
    const known = use === "let" ? names(scope).slice(1) : names(scope);
    const atoms = [...known, ...literals];
    const at = `${use}/${scopeKey(scope)}`;
    const more = this.#states.at(`operator/${at}`, () => [
      [0.5, close, next],
      ...zipf(operators).flatMap((operator) =>
        atoms.map(([weight, atom]): Choice => [
          operator.weight * weight,
          ` ${operator.item} ${atom}${close}`,
          next,
        ])
      ),
    ]);
    const argument = this.#states.at(`argument/${at}`, () => [
      [1, `)${close}`, next],
      ...atoms.map(([weight, atom]): Choice => [weight, `, ${atom})${close}`, next]),
    ]);
    return this.#states.at(`expression/${at}`, () => [
      ...atoms.map(([weight, atom]): Choice => [weight * 2, ` ${atom}`, more]),
      ...zipf(domains[scope.domain].calls).flatMap((call) =>
        known.map(([weight, name]): Choice => [
          call.weight * weight,
          ` ${call.item}(${name}`,
          argument,
        ])
      ),
    ]);
  }
}

type Atom = readonly [weight: number, text: string];

/** The numbers in expressions: a quarter of the atoms. */
const literals: readonly Atom[] = [1, 2, 10, 3, 5, 4, 8, 100, 7, 12, 6, 20].map((n, i) => [
  0.75 / (i + 9),
  String(n),
]);

/** The names in scope, the local variable first and most used; their weights sum to 3 / 4. */
function names({ local, first, second }: Scope): readonly Atom[] {
  return [[0.35, local], [0.25, first], [0.15, second]];
}

function scopeKey({ domain, first, second, local }: Scope): string {
  return `${domain}/${first}/${second}/${local}`;
}
