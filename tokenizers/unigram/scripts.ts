/**
 * Classes of characters: a piece holds characters of one class.
 *
 * Source: Unicode Standard Annex 24. Differs: Hiragana, Katakana and Han are one class, as Japanese words mix them, and
 * digits, punctuation and symbols (script Common) are one class too, as SentencePiece has it.
 */

/** Class of characters that go with any neighbour: a word's leading space, combining marks. */
export const joins = 1;
const common = 2;
const digit = 3;
const firstScript = 4;

// Commonest first: a character is tried against each in turn, once.
const scriptNames =
  "Latin Han Cyrillic Arabic Hangul Greek Hebrew Devanagari Thai Bengali Tamil Telugu Gujarati Gurmukhi Kannada " +
  "Malayalam Sinhala Myanmar Khmer Lao Georgian Armenian Ethiopic Tibetan Mongolian Bopomofo Oriya Thaana Syriac " +
  "Cherokee Canadian_Aboriginal Tifinagh Nko Javanese Balinese Sundanese Yi Coptic Runic Gothic Ogham Braille Adlam Ahom " +
  "Anatolian_Hieroglyphs Avestan Bamum Bassa_Vah Batak Bhaiksuki Brahmi Buginese Buhid Carian Caucasian_Albanian Chakma " +
  "Cham Chorasmian Cuneiform Cypriot Cypro_Minoan Deseret Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic " +
  "Glagolitic Grantha Gunjala_Gondi Hanifi_Rohingya Hanunoo Hatran Imperial_Aramaic Inscriptional_Pahlavi " +
  "Inscriptional_Parthian Kaithi Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khojki Khudawadi Lepcha Limbu Linear_A " +
  "Linear_B Lisu Lycian Lydian Mahajani Makasar Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek " +
  "Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mro Multani Nabataean Nag_Mundari Nandinagari New_Tai_Lue " +
  "Newa Nushu Nyiakeng_Puachue_Hmong Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian " +
  "Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa " +
  "Phoenician Psalter_Pahlavi Rejang Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sogdian Sora_Sompeng Soyombo " +
  "Syloti_Nagri Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tangsa Tangut Tirhuta Toto Ugaritic Vai Vithkuqi Wancho " +
  "Warang_Citi Yezidi Zanabazar_Square";

export interface ClassRules {
  readonly splitByScript: boolean;
  readonly splitByNumber: boolean;
}

/** Classes by code point, each worked out when first asked for. */
export class CharacterClasses {
  readonly #rules: ClassRules;
  readonly #known = new Uint8Array(0x110000);
  readonly #scripts = scriptNames.split(" ");
  readonly #tests: RegExp[] = [];

  constructor(rules: ClassRules) {
    this.#rules = rules;
  }

  /** A number that characters of one class share, or `joins`. */
  of(codePoint: number): number {
    return this.#known[codePoint] || (this.#known[codePoint] = this.#find(codePoint));
  }

  #find(codePoint: number): number {
    const character = String.fromCodePoint(codePoint);
    if (character === " " || /\p{Script=Inherited}/u.test(character)) return joins;
    if (character >= "0" && character <= "9") {
      if (!this.#rules.splitByNumber) return joins;
      return this.#rules.splitByScript ? common : digit;
    }
    if (!this.#rules.splitByScript) return common;
    if (/[\p{Script=Hiragana}\p{Script=Katakana}ー]/u.test(character)) return this.#find(0x4e00);
    if (/\p{Script=Common}/u.test(character)) return common; // most punctuation: no need to try all scripts
    const script = this.#scripts.findIndex((name, i) =>
      (this.#tests[i] ??= new RegExp(`\\p{Script=${name}}`, "u")).test(character)
    );
    return script < 0 ? common : firstScript + script;
  }
}
