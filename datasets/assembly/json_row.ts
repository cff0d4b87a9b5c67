/**
 * The text of a row of JSON lines in UTF-8, as `JSON.parse` finds it, without a string between.
 *
 * Rows that are read here are plain: an object in which the text's name leads to a string, without escapes in names. All others, bad
 * ones too, are left to `JSON.parse`, which knows what is wrong with them. The caller has seen that bytes are UTF-8; after the
 * row there is a line feed, at which every loop stops, as none is allowed inside.
 */

/** The name of the field: its place, and its length. */
export let name: usize = 0;
export let nameBytes: i32 = 0;
/** Code points of the text that was found last. */
export let characters: i32 = 0;

const notPlain: i32 = -1;
/** Levels of values in values. */
const mostLevels: i32 = 64;

const quote: u32 = 0x22;
const comma: u32 = 0x2c;
const minus: u32 = 0x2d;
const dot: u32 = 0x2e;
const colon: u32 = 0x3a;
const openBracket: u32 = 0x5b;
const backslash: u32 = 0x5c;
const closeBracket: u32 = 0x5d;
const openBrace: u32 = 0x7b;
const closeBrace: u32 = 0x7d;

/** Where reading is, and whether the string that was read last has escapes. */
let at: usize = 0;
let hasEscape: bool = false;

/** Writes the text of the row `from … to` at `out`; returns its bytes, or -1 for a row that is not plain. */
export function textOfRow(from: usize, to: usize, out: usize): i32 {
  let bytes = notPlain;
  at = from;
  if (!passes(openBrace)) return notPlain;
  do {
    skipBlanks();
    if (load<u8>(at++) !== quote) return notPlain;
    const start = at;
    if (!skipString() || hasEscape) return notPlain;
    const isText = <i32> (at - 1 - start) === nameBytes &&
      memory.compare(start, name, nameBytes) === 0;
    if (!passes(colon)) return notPlain;
    skipBlanks();
    if (!isText) {
      if (!skipValue(0)) return notPlain;
    } else {
      // A name that comes twice has its last value.
      if (load<u8>(at++) !== quote) return notPlain;
      bytes = copyString(out);
      if (bytes === notPlain) return notPlain;
    }
  } while (passes(comma));
  if (!passes(closeBrace)) return notPlain;
  skipBlanks();
  if (at !== to || bytes === notPlain) return notPlain;
  characters = charactersOf(out, out + bytes);
  return bytes;
}

/** Passes blanks, and the byte if it comes then. */
@inline
function passes(byte: u32): bool {
  skipBlanks();
  if (load<u8>(at) !== byte) return false;
  at++;
  return true;
}

/** A line feed is none: it ends the row. */
@inline
function skipBlanks(): void {
  for (let byte: u32 = load<u8>(at); byte === 0x20 || byte === 0x09 || byte === 0x0d;) {
    byte = load<u8>(++at);
  }
}

/** Which of 16 bytes no string can hold as they are: its end, escapes, control characters. */
@inline
function stopsOf(bytes: v128): i32 {
  const ends = v128.or(
    i8x16.eq(bytes, i8x16.splat(<i8> quote)),
    i8x16.eq(bytes, i8x16.splat(<i8> backslash)),
  );
  return i8x16.bitmask(v128.or(ends, i8x16.lt_u(bytes, i8x16.splat(0x20))));
}

/** Passes a string, whose first quote was passed. */
function skipString(): bool {
  hasEscape = false;
  let place = at;
  for (;;) {
    const stops = stopsOf(v128.load(place));
    if (stops === 0) {
      place += 16;
      continue;
    }
    place += ctz(stops);
    const byte: u32 = load<u8>(place);
    if (byte === quote) break;
    if (byte !== backslash) return false;
    hasEscape = true;
    const escape: u32 = load<u8>(place + 1);
    if (escape === 0x75) {
      if (unitAt(place + 2) < 0) return false;
      place += 6;
    } else {
      if (escaped(escape) === 0) return false;
      place += 2;
    }
  }
  at = place + 1;
  return true;
}

/** Copies a string, whose first quote was passed, as it is meant; returns its bytes. */
function copyString(out: usize): i32 {
  let place = at;
  let to = out;
  for (;;) {
    const bytes = v128.load(place);
    v128.store(to, bytes);
    const stops = stopsOf(bytes);
    if (stops === 0) {
      place += 16;
      to += 16;
      continue;
    }
    place += ctz(stops);
    to += ctz(stops);
    const byte: u32 = load<u8>(place);
    if (byte === quote) break;
    if (byte !== backslash) return notPlain;
    const escape: u32 = load<u8>(place + 1);
    if (escape !== 0x75) {
      const meant = escaped(escape);
      if (meant === 0) return notPlain;
      store<u8>(to++, meant);
      place += 2;
      continue;
    }
    let code = unitAt(place + 2);
    if (code < 0) return notPlain;
    place += 6;
    if ((code & 0xf800) === 0xd800) {
      // Half a character alone has no UTF-8.
      if (code >= 0xdc00 || load<u16>(place) !== 0x755c) return notPlain;
      const second = unitAt(place + 2);
      if ((second & 0xfc00) !== 0xdc00) return notPlain;
      code = 0x10000 + ((code & 0x3ff) << 10) + (second & 0x3ff);
      place += 6;
    }
    to = put(code, to);
  }
  at = place + 1;
  return <i32> (to - out);
}

/** What a byte after a backslash stands for; 0 for none. */
function escaped(byte: u32): u32 {
  if (byte === 0x6e) return 0x0a; // n
  if (byte === quote || byte === backslash || byte === 0x2f) return byte;
  if (byte === 0x74) return 0x09; // t
  if (byte === 0x72) return 0x0d; // r
  if (byte === 0x62) return 0x08; // b
  if (byte === 0x66) return 0x0c; // f
  return 0;
}

/** The value of four hexadecimal digits; -1 where there are none. */
function unitAt(place: usize): i32 {
  let value: i32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const byte: u32 = load<u8>(place + i);
    const letter = (byte | 0x20) - 0x61; // a
    const digit = isDigit(byte) ? byte - 0x30 : letter < 6 ? letter + 10 : 16;
    if (digit === 16) return -1;
    value = value << 4 | digit;
  }
  return value;
}

/** Writes a code point in UTF-8; returns where it ends. */
function put(code: u32, to: usize): usize {
  if (code < 0x80) {
    store<u8>(to, code);
    return to + 1;
  }
  if (code < 0x800) {
    store<u8>(to, 0xc0 | code >>> 6);
  } else {
    if (code < 0x10000) {
      store<u8>(to, 0xe0 | code >>> 12);
    } else {
      store<u8>(to++, 0xf0 | code >>> 18);
      store<u8>(to, 0x80 | code >>> 12 & 0x3f);
    }
    store<u8>(++to, 0x80 | code >>> 6 & 0x3f);
  }
  store<u8>(to + 1, 0x80 | code & 0x3f);
  return to + 2;
}

function skipValue(level: i32): bool {
  const byte: u32 = load<u8>(at);
  if (byte === quote) {
    at++;
    return skipString();
  }
  if (byte === openBrace) return skipNested(level, true, closeBrace);
  if (byte === openBracket) return skipNested(level, false, closeBracket);
  const word = load<u32>(at);
  if (word === 0x65757274 || word === 0x6c6c756e) { // true, null
    at += 4;
    return true;
  }
  if (word === 0x736c6166 && load<u8>(at + 4) === 0x65) { // false
    at += 5;
    return true;
  }
  return skipNumber();
}

function skipNested(level: i32, isObject: bool, close: u32): bool {
  if (level === mostLevels) return false;
  at++;
  if (passes(close)) return true;
  do {
    skipBlanks();
    if (isObject) {
      if (load<u8>(at++) !== quote || !skipString() || !passes(colon)) return false;
      skipBlanks();
    }
    if (!skipValue(level + 1)) return false;
  } while (passes(comma));
  return passes(close);
}

function skipNumber(): bool {
  if (load<u8>(at) === minus) at++;
  if (load<u8>(at) === 0x30) at++; // no digit follows a first 0
  else if (!skipDigits()) return false;
  if (load<u8>(at) === dot) {
    at++;
    if (!skipDigits()) return false;
  }
  if ((load<u8>(at) | 0x20) !== 0x65) return true; // e
  at++;
  const sign: u32 = load<u8>(at);
  if (sign === 0x2b || sign === minus) at++;
  return skipDigits();
}

function skipDigits(): bool {
  const start = at;
  while (isDigit(load<u8>(at))) at++;
  return at > start;
}

@inline
function isDigit(byte: u32): bool {
  return byte - 0x30 < 10;
}

/** Code points of UTF-8: its bytes but those that go on with one. */
function charactersOf(from: usize, to: usize): i32 {
  let count = 0;
  for (let place = from; place < to; place += 16) {
    const begins = i8x16.bitmask(i8x16.gt_s(v128.load(place), i8x16.splat(-65)));
    const rest = to - place;
    count += popcnt(rest < 16 ? begins & ((1 << <i32> rest) - 1) : begins);
  }
  return count;
}
