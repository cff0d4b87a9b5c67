/**
 * HTML that cannot be broken by what it shows: every value is escaped unless it is markup itself.
 */

/** Text that is HTML already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Shown = Markup | string | number | null | undefined | false | readonly Shown[];

/** ``markup`<b>${name}</b>` ``: lists one after the other, nothing for what is null or false. */
export function markup(parts: TemplateStringsArray, ...values: readonly Shown[]): Markup {
  const text = parts.map((part, i) => part + (i < values.length ? shown(values[i]) : ""));
  return new Markup(text.join(""));
}

function shown(value: Shown): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(shown).join("");
  // Control characters mean nothing in HTML, and some of them change how a terminal or an editor shows a file.
  return String(value)
    .replace(/\p{Cc}/gu, (it) => "\t\n".includes(it) ? it : "\ufffd")
    .replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);
}

/** ` name="value"`; nothing without a value. A value of `true` is the name alone. */
export function attribute(name: string, value: string | true | undefined): Markup {
  if (value === undefined) return new Markup("");
  return value === true ? new Markup(` ${name}`) : new Markup(markup` ${name}="${value}"`.text);
}

/** `n` and a word for as many: `1 result`, `2 results`. */
export function counted(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
