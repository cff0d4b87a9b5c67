/**
 * The invented languages. Each differs from the others in script, word order and the way it builds words.
 *
 * | name     | script     | order | words                                                            |
 * |----------|------------|-------|------------------------------------------------------------------|
 * | velsan   | Latin      | SVO   | three genders: noun and adjective rhyme; case endings             |
 * | dorugai  | Cyrillic   | SOV   | many suffixes, whose vowels follow the vowels of the stem          |
 * | ithomeli | Greek      | VSO   | prefixes: four noun classes mark noun, adjective and verb         |
 * | shenmu   | Han        | SVO   | no inflection, no spaces; classifiers and particles               |
 * | varuni   | Devanagari | SOV   | two genders, postpositions; the verb at the end agrees            |
 */
import { oneOf } from "./lists.ts";
import type { Inflection, Language } from "./morphology.ts";

const velsan: Language = {
  name: "velsan",
  order: "svo",
  isAdjectiveFirst: false,
  space: " ",
  stop: ".",
  questionMark: "?",
  comma: ",",
  hasCapitals: true,
  nounClasses: 3,
  places: 4,
  pronouns: ["ila", "olo", "elë"],
  relatives: ["kwa", "kwo", "kwë"],
  connectives: ["mai", "donk", "poi", "anke"],
  questionWord: "čë",
  particles: ["es", "son", "ne", "in", "sur", "prë", "dal"],
  stem: (random, _, syllables) =>
    repeat(syllables, () => oneOf("bdfgklmnprstvzšž", random) + oneOf("aeiouáéí", random)) +
    oneOf(["l", "r", "n", "s", "t", "d", "m", "nd", "rt", "st", "lm", "v"], random),
  noun: (stem, inflection) => stem + velsanEnding(inflection),
  adjective: (stem, inflection) => stem + velsanEnding(inflection),
  predicate: (stem, inflection, isNegated) =>
    `${inflection.isPlural ? "son" : "es"} ${isNegated ? "ne " : ""}${
      stem + velsanEnding({ ...inflection, role: "subject" })
    }`,
  verb: (stem, tense, subject) =>
    stem + ["", "iv", "ur"][tense] + (subject.isPlural ? "ant" : "et"),
  place: (stem, place, inflection) =>
    `${["in", "sur", "prë", "dal"][place]} ${stem}${
      velsanEnding({ ...inflection, role: "subject" })
    }`,
  adverb: (stem) => `${stem}ím`,
};

function velsanEnding({ nounClass, isPlural, role }: Inflection): string {
  const ending = (isPlural ? ["ai", "or", "en"] : ["a", "o", "ë"])[nounClass];
  return role === "object" ? `${ending}${isPlural ? "s" : "m"}` : ending;
}

const dorugai: Language = {
  name: "dorugai",
  order: "sov",
  isAdjectiveFirst: true,
  space: " ",
  stop: ".",
  questionMark: "?",
  comma: ",",
  hasCapitals: true,
  nounClasses: 1,
  places: 3,
  pronouns: ["тэй"],
  relatives: ["ким"],
  connectives: ["бирок", "анда", "сонго", "дагы"],
  questionWord: "муна",
  particles: ["эмес"],
  stem: (random, _, syllables) => {
    const vowels = random.below(2) === 0 ? "аоуы" : "эөүи";
    return repeat(syllables, () => oneOf("бгдзклмнрстхш", random) + oneOf(vowels, random)) +
      oneOf("лмнрсткг", random);
  },
  noun: (stem, { isPlural, role }) =>
    stem + harmonize(stem, (isPlural ? "лАр" : "") + (role === "object" ? "нЫ" : "")),
  adjective: (stem) => stem,
  predicate: (stem, _, isNegated) =>
    stem + harmonize(stem, isNegated ? "сЫз" : "") + harmonize(stem, "дЫр"),
  verb: (stem, tense, subject) =>
    stem + harmonize(stem, ["Ады", "ГАн", "Ысар"][tense] + (subject.isPlural ? "лАр" : "")),
  place: (stem, place, { isPlural }) =>
    stem + harmonize(stem, (isPlural ? "лАр" : "") + ["дА", "тАн", "гА"][place]),
  adverb: (stem) => stem + harmonize(stem, "чА"),
};

/** Capital vowels of a suffix become back or front after the stem's own vowels. */
function harmonize(stem: string, suffix: string): string {
  const isFront = /[эөүи]/.test(stem);
  return suffix.replaceAll("А", isFront ? "э" : "а").replaceAll("Ы", isFront ? "и" : "ы")
    .toLowerCase();
}

const ithomeli: Language = {
  name: "ithomeli",
  order: "vso",
  isAdjectiveFirst: false,
  space: " ",
  stop: ".",
  questionMark: ";",
  comma: ",",
  hasCapitals: true,
  nounClasses: 4,
  places: 4,
  pronouns: ["μόι", "κίι", "λάι", "ούι"],
  relatives: ["μόπε", "κίπε", "λάπε", "ούπε"],
  connectives: ["έντε", "άλλα", "τότι", "κάμπι"],
  questionWord: "χάρι",
  particles: ["ένι", "μή", "πά", "κού", "σέ", "ντέ"],
  stem: (random, _, syllables) =>
    oneOf("βγδθκλμνπρστφχ", random) + oneOf("άέήίόύώ", random) +
    repeat(syllables, () => oneOf("βγδζθκλμνπρστφχ", random) + oneOf("αειοη", random)),
  noun: (stem, inflection) => ithomeliPrefix(inflection) + stem,
  adjective: (stem, inflection) => ithomeliPrefix(inflection) + stem,
  predicate: (stem, inflection, isNegated) =>
    `ένι ${isNegated ? "μή " : ""}${ithomeliPrefix(inflection)}${stem}`,
  verb: (stem, tense, subject) => ithomeliPrefix(subject) + ["να", "λι", "τα"][tense] + stem + "ς",
  place: (stem, place, inflection) =>
    `${["πά", "κού", "σέ", "ντέ"][place]} ${ithomeliPrefix(inflection)}${stem}`,
  adverb: (stem) => `φι${stem}`,
};

function ithomeliPrefix({ nounClass, isPlural }: Inflection): string {
  return (isPlural ? ["βα", "τζι", "μα", "νε"] : ["μο", "κι", "λα", "ου"])[nounClass];
}

const shenmu: Language = {
  name: "shenmu",
  order: "svo",
  isAdjectiveFirst: true,
  space: "",
  stop: "。",
  questionMark: "？",
  comma: "，",
  hasCapitals: false,
  nounClasses: 4,
  places: 3,
  pronouns: ["他", "她", "它", "牠"],
  relatives: ["誰", "孰", "何", "奚"],
  connectives: ["但", "故", "後", "亦"],
  questionWord: "豈",
  particles: ["是", "不", "的", "諸", "了", "着", "在", "從", "向", "個", "隻", "條", "座"],
  // Every stem has two characters: none is the beginning of another, so no spaces are needed.
  stem: (random) => oneOf(hanCharacters, random) + oneOf(hanCharacters, random),
  noun: (stem, { nounClass, isPlural }) =>
    isPlural ? `諸${["個", "隻", "條", "座"][nounClass]}${stem}` : stem,
  adjective: (stem) => `${stem}的`,
  predicate: (stem, _, isNegated) => `${isNegated ? "不" : "是"}${stem}`,
  verb: (stem, tense) => stem + ["", "了", "着"][tense],
  place: (stem, place) => ["在", "從", "向"][place] + stem,
  adverb: (stem) => stem,
};

const hanCharacters = "天地山水火木金土日月星雲風雨雪雷江河海石田林花草竹松梅鳥魚馬牛羊犬虎龍" +
  "春夏秋冬東西南北上中下大小高長遠近新古白黑青紅黃光明清靜安平和美" +
  "人王民友心手目口耳足言書文字音歌舞琴詩酒茶米衣門戶家村城國路舟車橋玉" +
  "行走坐立飛來去入出開合見聞思知愛念問答讀作生成";

const varuni: Language = {
  name: "varuni",
  order: "sov",
  isAdjectiveFirst: true,
  space: " ",
  stop: "।",
  questionMark: "?",
  comma: ",",
  hasCapitals: false,
  nounClasses: 2,
  places: 3,
  pronouns: ["वो", "वी"],
  relatives: ["जो", "जी"],
  connectives: ["पर", "तब", "फिर", "और"],
  questionWord: "क्यू",
  particles: ["खे", "है", "हैं", "नाहि", "में", "पे", "से"],
  stem: (random, _, syllables) =>
    repeat(
      syllables,
      () => oneOf("कगचजटडतदनपबमरलवसह", random) + oneOf(["", "ा", "ि", "ु", "े", "ो"], random),
    ) +
    oneOf("कगटडतदनपबमरलस", random),
  noun: (stem, inflection) =>
    stem + varuniEnding(inflection) + (inflection.role === "object" ? " खे" : ""),
  adjective: (stem, inflection) => stem + varuniEnding(inflection),
  predicate: (stem, inflection, isNegated) =>
    `${stem}${varuniEnding(inflection)} ${isNegated ? "नाहि " : ""}${
      inflection.isPlural ? "हैं" : "है"
    }`,
  verb: (stem, tense, subject) => stem + ["त", "", "ूंग"][tense] + varuniEnding(subject),
  place: (stem, place, inflection) =>
    `${stem}${varuniEnding(inflection)} ${["में", "पे", "से"][place]}`,
  adverb: (stem) => `${stem}ों`,
};

function varuniEnding({ nounClass, isPlural }: Inflection): string {
  return (isPlural ? ["े", "ीं"] : ["ा", "ी"])[nounClass];
}

function repeat(times: number, make: () => string): string {
  return Array.from({ length: times }, make).join("");
}

/** The languages by name. */
export const languages: Readonly<Record<string, Language>> = {
  velsan,
  dorugai,
  ithomeli,
  shenmu,
  varuni,
};
