/**
 * A BPE tokenizer on bytes (`tokenizer.json`, as of GPT-2 and Pythia) as llama.cpp reads it, under its tokenizer type `gpt2`.
 *
 * How a text is cut into words is a name there, not a pattern. A name is taken only for the very pattern of the file, and of several
 * with that pattern one that leaves decoded text as it is: under `gpt-2` the space before a full stop would be lost.
 *
 * Source: llama.cpp, `src/llama-vocab.cpp`: `llm_tokenizer_bpe`, `llama_vocab::impl::load`, `detokenize`.
 */
import { byteNames } from "../unigram/pieces.ts";

export interface LlamaBpe {
  /** By id; rows without a piece have an invented name that no text gives. */
  readonly tokens: readonly string[];
  /** llama.cpp's numbers: see `kinds`. */
  readonly kinds: Int32Array;
  /** Pairs of pieces, likeliest first: `Ġ t`. */
  readonly merges: readonly string[];
  /** Its name for how texts are cut into words. */
  readonly pre: string;
  /** Whether the tokenizer brings a text into Unicode's form NFC first, which llama.cpp does not. */
  readonly needsNfc: boolean;
}

const kinds = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;

/** Patterns by llama.cpp's names for them, which cut words alike and leave decoded text as it is. */
const patterns = {
  gpt2: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  qwen2:
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
} as const;

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

interface Part {
  readonly type?: unknown;
  readonly pretokenizers?: readonly Part[];
  readonly normalizers?: readonly Part[];
  readonly decoders?: readonly Part[];
  readonly pattern?: { readonly Regex?: unknown };
  readonly behavior?: unknown;
  readonly invert?: unknown;
  readonly add_prefix_space?: unknown;
  readonly use_regex?: unknown;
  readonly individual_digits?: unknown;
}

interface BpeFile {
  readonly normalizer?: Part | null;
  readonly pre_tokenizer?: Part | null;
  readonly decoder?: Part | null;
  readonly added_tokens?: readonly AddedToken[];
  readonly model?: {
    readonly type?: unknown;
    readonly vocab?: Readonly<Record<string, number>>;
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly ignore_merges?: unknown;
    readonly continuing_subword_prefix?: unknown;
    readonly end_of_word_suffix?: unknown;
  };
}

/**
 * @param json A parsed `tokenizer.json`
 * @param rows Of the model's table: at least as many as there are pieces
 * @throws RangeError that names what llama.cpp would not read alike
 */
export function llamaBpe(json: unknown, rows: number): LlamaBpe {
  const file = json as BpeFile;
  const { type, vocab, merges, ...model } = file.model ?? {};
  if (type !== "BPE" || vocab === undefined || merges === undefined) {
    return refuse("model.type", '"BPE"', type);
  }
  if (model.ignore_merges === true) refuse("model.ignore_merges", "false", true);
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"] as const) {
    if (model[key] !== undefined && model[key] !== null && model[key] !== "") {
      refuse(`model.${key}`, "none", model[key]);
    }
  }
  if (parts(file.decoder, "decoders").some(({ type }) => type !== "ByteLevel")) {
    refuse("decoder", "ByteLevel", file.decoder);
  }
  const needsNfc =
    parts(file.normalizer, "normalizers").map(({ type }) =>
      type === "NFC" || refuse("normalizer", "none or NFC", file.normalizer)
    ).length > 0;
  const added = file.added_tokens ?? [];
  for (const token of added) {
    for (const key of ["lstrip", "rstrip", "single_word"] as const) {
      if (token[key] === true) refuse(`added token "${token.content}", ${key}`, "false", true);
    }
  }
  checkLetters(vocab, added);
  return {
    ...rowsOf(vocab, added, rows),
    merges: merges.map((pair) => typeof pair === "string" ? pair : pair.join(" ")),
    pre: preOf(parts(file.pre_tokenizer, "pretokenizers")) ??
      refuse("pre_tokenizer", "the pattern of GPT-2 or Qwen2, on bytes", file.pre_tokenizer),
    needsNfc,
  };
}

/** The parts of a sequence, or the one part that there is. */
function parts(part: Part | null | undefined, list: keyof Part): readonly Part[] {
  if (part === undefined || part === null) return [];
  return part.type === "Sequence" ? part[list] as readonly Part[] : [part];
}

/** llama.cpp's name for how a file cuts words; undefined where it has none. */
function preOf(found: readonly Part[]): string | undefined {
  const bytes = found.at(-1);
  if (bytes?.type !== "ByteLevel" || bytes.add_prefix_space === true) return undefined;
  const others = found.slice(0, -1);
  const isGpt2 = bytes.use_regex !== false; // its own pattern
  if (isGpt2 && others.length === 0) return "trillion";
  const [only] = others;
  if (others.length !== 1) return undefined;
  if (isGpt2) {
    return only.type === "Digits" && only.individual_digits === true ? "smollm" : undefined;
  }
  const isWhole = only.type === "Split" && only.behavior === "Isolated" && only.invert !== true;
  if (!isWhole) return undefined;
  const pattern = only.pattern?.Regex;
  return pattern === patterns.gpt2 ? "trillion" : pattern === patterns.qwen2 ? "qwen2" : undefined;
}

/** Every byte has a piece, and every piece is of bytes: else llama.cpp leaves text out, or writes other text. */
function checkLetters(
  vocab: Readonly<Record<string, number>>,
  added: readonly AddedToken[],
): void {
  const letters = new Set(byteNames()[1]);
  for (const letter of letters) {
    if (!Object.hasOwn(vocab, letter)) refuse("model.vocab", `a piece for each byte`, letter);
  }
  const contents = new Set(added.map(({ content }) => content));
  const odd = Object.keys(vocab).find((piece) =>
    !contents.has(piece) && [...piece].some((letter) => !letters.has(letter))
  );
  if (odd !== undefined) refuse("model.vocab", "pieces of bytes", odd);
}

function rowsOf(
  vocab: Readonly<Record<string, number>>,
  added: readonly AddedToken[],
  rows: number,
): Pick<LlamaBpe, "tokens" | "kinds"> {
  const tokens = new Array<string | undefined>(rows).fill(undefined);
  const kindOf = new Int32Array(rows).fill(kinds.unused);
  const put = (id: number, text: string, kind: number) => {
    if (!(id >= 0 && id < rows)) refuse(`the id of "${text}"`, `one below ${rows}`, id);
    tokens[id] = text;
    kindOf[id] = kind;
  };
  for (const [piece, id] of Object.entries(vocab)) put(id, piece, kinds.normal);
  for (const { id, content, special } of added) {
    put(id, content, special === true ? kinds.control : kinds.userDefined);
  }
  const named = tokens.map((text, id) => text ?? `[unused ${id}]`);
  const seen = new Set<string>();
  for (const text of named) { // llama.cpp ends its process at two equal ones
    if (seen.has(text)) refuse("pieces", "that differ", text);
    seen.add(text);
  }
  return { tokens: named, kinds: kindOf };
}

function refuse(place: string, expected: string, found: unknown): never {
  throw new RangeError(
    `expected ${place} of tokenizer.json to be ${expected}, found ${
      `${JSON.stringify(found) ?? "none"}`.slice(0, 200)
    }`,
  );
}
