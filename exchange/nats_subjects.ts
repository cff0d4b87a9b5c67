/**
 * Names as NATS has them: which stream a name lies in, and under which subjects.
 *
 *     up/it/a/b   stream <prefix>-UP-it
 *                 <prefix>.head.up.it.a.b.=                   what lies there, or its size and the series of its pieces
 *                 <prefix>.piece.up.it.a.b.=.<series>.<i>     a piece of it
 *
 * Rights to list are of whole streams. So `shared/` is one stream, and each folder in `down/` and in `up/` is one.
 */

/** Folders at the top, and how many parts of a name say in which stream it lies. */
const areas: ReadonlyMap<string, number> = new Map([["shared", 1], ["down", 2], ["up", 2]]);

/** Ends the parts of a name. It stands in no token of one. */
const end = "=";

export type SubjectKind = "head" | "piece";

/** What a subject says. */
export interface SubjectParts {
  readonly kind: SubjectKind;
  /** The parts of the name. */
  readonly name: readonly string[];
}

/** The subjects and streams of an exchange. */
export class NatsSubjects {
  /** @param prefix Lower-case letters, digits, - and _ */
  constructor(readonly prefix: string) {}

  /** The stream of a name, or of what lies in a folder; undefined for a folder of several streams. @throws RangeError for a name that has none */
  stream(name: string): string | undefined {
    const parts = name.split("/");
    const depth = areas.get(parts[0]);
    if (depth === undefined && name !== "") {
      throw new RangeError(
        `Cannot place "${name}": expected it in ${[...areas.keys()].join(", ")}`,
      );
    }
    if (depth === undefined || parts.length < depth) return undefined;
    const [area, source] = [parts[0].toUpperCase(), ...parts.slice(1, depth).map(token)];
    return [this.prefix, area, ...source === undefined ? [] : [source]].join("-");
  }

  /** Streams that are made before one: a source that has tasks must find a place for its answers. */
  madeBefore(stream: string): readonly string[] {
    const down = `${this.prefix}-DOWN-`;
    return stream.startsWith(down) ? [`${this.prefix}-UP-${stream.slice(down.length)}`] : [];
  }

  /** The subjects of a stream. */
  ofStream(stream: string): string {
    const [, area, source] = /^([A-Z]+)(?:-(.*))?$/s.exec(stream.slice(this.prefix.length + 1))!;
    const tokens = [area.toLowerCase(), ...source === undefined ? [] : [source]];
    return `${this.prefix}.*.${tokens.join(".")}.>`;
  }

  /** What lies under a name, or its size and series. */
  head(name: string): string {
    return `${this.prefix}.head.${tokens(name)}.${end}`;
  }

  piece(name: string, series: string, i: number | "*"): string {
    return `${this.prefix}.piece.${tokens(name)}.${end}.${series}.${i}`;
  }

  /** All subjects of a name, and of what lies in it as in a folder. */
  within(name: string): string {
    return name === "" ? `${this.prefix}.*.>` : `${this.prefix}.*.${tokens(name)}.>`;
  }

  /** What a subject says; undefined for one that nobody of us made. */
  parse(subject: string): SubjectParts | undefined {
    const [, kind, ...rest] = subject.split(".");
    const at = rest.indexOf(end);
    if (at < 0 || kind !== "head" && kind !== "piece") return undefined;
    const name = rest.slice(0, at).map(partOf);
    return name.includes("") ? undefined : { kind, name };
  }
}

function tokens(name: string): string {
  return name.split("/").map(token).join(".");
}

/** A part of a name as a token of a subject: neither `.`, `*`, `>`, spaces nor `=` are in it. */
function token(part: string): string {
  if (part === "") throw new RangeError(`Cannot name what lies under an empty part of a name`);
  return encodeURIComponent(part).replace(/[.*]/g, (c) => c === "." ? "%2E" : "%2A");
}

/** The part that a token stands for; empty for a token that stands for none. */
function partOf(text: string): string {
  try {
    const part = decodeURIComponent(text);
    return !part.includes("/") && token(part) === text ? part : "";
  } catch {
    return "";
  }
}
