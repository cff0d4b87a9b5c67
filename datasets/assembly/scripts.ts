/**
 * Counts code points by the script that they belong to.
 */

/** By code point: the number of its script, from 1; 0 where the caller has not said it yet. */
export let kinds: usize = 0;
/** By number of a script, from 1: how many code points, in double precision. */
export let counts: usize = 0;
/** Numbers of the scripts of ASCII: its letters, and all else. */
export let latin: i32 = 0;
export let common: i32 = 0;

/** Counts the well-formed UTF-8 `at … end`. Returns the end, or where a code point stands whose script must be said first. */
export function count(at: usize, end: usize): usize {
  const scripts = kinds;
  const found = counts;
  let ascii = 0;
  let letters = 0;
  while (at < end) {
    const bytes = v128.load(at);
    const others = i8x16.bitmask(bytes); // from 0x80
    const size = min(<usize> ctz(others | 0x10000), end - at);
    const small = i8x16.sub(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(0x61));
    const areLetters = i8x16.bitmask(i8x16.lt_u(small, i8x16.splat(26)));
    letters += popcnt(areLetters & ((1 << <i32> size) - 1));
    ascii += <i32> size;
    at += size;
    while (at < end) {
      const lead: u32 = load<u8>(at);
      if (lead < 0x80) break;
      const length: usize = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      let code = lead & (0x7f >>> <u32> length);
      for (let i: usize = 1; i < length; i++) code = code << 6 | load<u8>(at + i) & 0x3f;
      const kind: u32 = load<u8>(scripts + code);
      if (kind === 0) {
        add(latin, letters);
        add(common, ascii - letters);
        return at;
      }
      const place = found + (kind << 3);
      store<f64>(place, load<f64>(place) + 1);
      at += length;
    }
  }
  add(latin, letters);
  add(common, ascii - letters);
  return end;
}

function add(kind: i32, more: i32): void {
  const place = counts + (kind << 3);
  store<f64>(place, load<f64>(place) + <f64> more);
}
