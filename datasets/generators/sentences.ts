/**
 * Documents of an invented language as a process: a heading names the topic, then sentence follows sentence.
 *
 * What a model can learn, from near to far: the spelling of words; which word classes follow each other; which words go
 * together (a noun with its adjectives and verbs, a verb with its objects); agreement with an earlier word that is not next
 * to it; the subject of the last sentence, which often returns; the question word that needs a question mark; the topic.
 */
import type { Lexicon, Word } from "./lexicon.ts";
import { numbers } from "./lists.ts";
import type { Inflection } from "./morphology.ts";
import { inflectionOf, type Mention, numberChoices, Phrases } from "./phrases.ts";
import { type Choice, type Process, type State, States } from "./process.ts";
import { type Weighted, zipf } from "./zipf.ts";

/** Chances of the parts of a sentence; the chances of a group sum to 1. */
const rhythm = {
  opening: { connective: 0.1, question: 0.06, plain: 0.84 },
  subject: { pronoun: 0.2, related: 0.45, any: 0.35 },
  predicate: { adjective: 0.15, intransitive: 0.27, transitive: 0.58 },
  tail: { none: 0.62, adverb: 0.13, place: 0.15, relative: 0.1 },
  negation: 0.2,
} as const;

/** What a sentence remembers from its first word to its last. */
interface Frame {
  readonly topic: number;
  readonly isQuestion: boolean;
  readonly isRelative: boolean;
}

/** The process that writes documents of `minUnits` to `maxUnits` sentences, the heading counted as part of the first. */
export function sentenceProcess(
  lexicon: Lexicon,
  { topics, inTurn, ...length }: {
    readonly minUnits: number;
    readonly maxUnits: number;
    /** From 0. */
    readonly topics: readonly number[];
    /** Whether documents come by topic, or each has any of them. */
    readonly inTurn: boolean;
  },
): Process {
  const joints = [{ text: lexicon.language.space, weight: 3 }, { text: "\n\n", weight: 1 }];
  const sentences = new Sentences(lexicon);
  const openings = inTurn ? topics.map((topic) => [topic]) : [topics];
  return { openings: openings.map((topics) => sentences.heading(topics)), ...length, joints };
}

class Sentences {
  readonly #lexicon: Lexicon;
  readonly #phrases: Phrases;
  readonly #states = new States();

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
    this.#phrases = new Phrases(lexicon);
  }

  /** The first line: a noun that only this topic has, so that the text tells its topic. */
  heading(topics: readonly number[]): State {
    return this.#states.at(`heading/${topics}`, () => {
      const choices: Choice[] = [];
      for (const topic of topics) {
        const own = this.#lexicon.pool("noun", topic).filter(({ item }) => item.topic === topic);
        for (const { item: word, weight } of zipf(own.slice(0, 3).map(({ item }) => item))) {
          const first = this.#states.at(
            `first/${topic}/${word.id}`,
            () => this.#sentence(topic, word),
          );
          for (
            const phrase of this.#phrases.nounPhrases([{ item: word, weight }], topic, "subject")
          ) {
            if (phrase.mention.isPlural) continue;
            choices.push([phrase.weight, `${this.#phrases.first(phrase.text)}\n\n`, first]);
          }
        }
      }
      return choices;
    });
  }

  /** Between two sentences; `focus` is what the last one was about. */
  #boundary(topic: number, focus: Word): State {
    return this.#states.boundary(
      `boundary/${topic}/${focus.id}`,
      () => this.#sentence(topic, focus),
    );
  }

  #sentence(topic: number, focus: Word): Choice[] {
    const { language } = this.#lexicon;
    const frame = { topic, isQuestion: false, isRelative: false };
    const { connective, question, plain } = rhythm.opening;
    const clause = (isQuestion: boolean) =>
      this.#states.at(
        `clause/${isQuestion}/${topic}/${focus.id}`,
        () => this.#clause({ ...frame, isQuestion }, focus, 1),
      );
    return [
      ...zipf(language.connectives).map(({ item, weight }): Choice => [
        connective * weight,
        this.#phrases.first(language.space + item),
        clause(false),
      ]),
      [question, this.#phrases.first(language.space + language.questionWord), clause(true)],
      ...this.#clause(frame, focus, plain).map(([weight, text, next]): Choice => [
        weight,
        this.#phrases.first(text),
        next,
      ]),
    ];
  }

  #clause(frame: Frame, focus: Word, weight: number): Choice[] {
    return this.#lexicon.language.order === "vso"
      ? this.#verbFirst(frame, focus, weight)
      : this.#subjectFirst(frame, focus, weight);
  }

  /** The subject: a pronoun for the focus, a noun that goes with it, or any noun of the topic. */
  #subjectFirst(frame: Frame, focus: Word, weight: number): Choice[] {
    const { language } = this.#lexicon;
    const subject = { word: focus, isPlural: false };
    return [
      [
        weight * rhythm.subject.pronoun,
        language.space + language.pronouns[focus.nounClass],
        this.#predicate(frame, subject),
      ],
      ...this.#phrases.nounPhrases(this.#subjects(frame.topic, focus), frame.topic, "subject").map(
        (phrase): Choice => [
          weight * (1 - rhythm.subject.pronoun) * phrase.weight,
          phrase.text,
          this.#predicate(frame, phrase.mention),
        ],
      ),
    ];
  }

  #subjects(topic: number, focus: Word): Weighted<Word>[] {
    const { related, any } = rhythm.subject;
    const companions = this.#lexicon.companions(focus, "subjects", "noun", topic);
    return [
      ...scaled(companions, related / (related + any)),
      ...scaled(this.#lexicon.pool("noun", topic), any / (related + any)),
    ];
  }

  /** The verb comes first and already shows the class and number of a subject that is still to be named. */
  #verbFirst(frame: Frame, focus: Word, weight: number): Choice[] {
    const { topic } = frame;
    const { language } = this.#lexicon;
    const choices: Choice[] = [];
    for (const { item: verb, weight: verbWeight } of this.#verbs(topic, focus)) {
      const subjects = this.#lexicon.companions(verb, "subjects", "noun", topic);
      for (const nounClass of numbers(language.nounClasses)) {
        const fitting = subjects.filter(({ item }) => item.nounClass === nounClass);
        const share = fitting.reduce((sum, entry) => sum + entry.weight, 0);
        if (share === 0) continue;
        for (const { isPlural, weight: numberWeight } of numberChoices) {
          const inflection = { nounClass, isPlural, role: "subject" } as const;
          const next = this.#lateSubject(frame, verb, fitting, inflection);
          const nounWeight = weight * (1 - rhythm.subject.pronoun) * verbWeight * share;
          choices.push(
            ...this.#phrases.verbForms(verb, inflection, nounWeight * numberWeight, next),
          );
        }
      }
      const inflection = { nounClass: focus.nounClass, isPlural: false, role: "subject" } as const;
      const subject = { word: focus, isPlural: false };
      const pronoun = language.space + language.pronouns[focus.nounClass];
      for (
        const [formWeight, text, next] of this.#phrases.verbForms(
          verb,
          inflection,
          weight * rhythm.subject.pronoun * verbWeight,
          this.#afterSubject(frame, verb, subject),
        )
      ) choices.push([formWeight, text + pronoun, next]);
    }
    return choices;
  }

  #verbs(topic: number, noun: Word): Weighted<Word>[] {
    const { intransitive, transitive } = rhythm.predicate;
    const total = intransitive + transitive;
    return (["intransitive", "transitive"] as const).flatMap((kind) =>
      scaled(
        this.#lexicon.companions(noun, kind, kind, topic),
        (kind === "transitive" ? transitive : intransitive) / total,
      )
    );
  }

  #lateSubject(
    frame: Frame,
    verb: Word,
    subjects: readonly Weighted<Word>[],
    { nounClass, isPlural }: Inflection,
  ): State {
    return this.#states.at(
      `subject/${frameKey(frame)}/${verb.id}/${nounClass}/${isPlural}`,
      () =>
        this.#phrases.nounPhrases(subjects, frame.topic, "subject")
          .filter(({ mention }) => mention.isPlural === isPlural)
          .map(({ weight, text, mention }): Choice => [
            weight,
            text,
            this.#afterSubject(frame, verb, mention),
          ]),
    );
  }

  #afterSubject(frame: Frame, verb: Word, subject: Mention): State {
    return verb.kind === "transitive" ? this.#object(frame, verb) : this.#tail(frame, subject);
  }

  /** What is said of a subject that has been named. */
  #predicate(frame: Frame, subject: Mention): State {
    return this.#states.at(
      `predicate/${frameKey(frame)}/${mentionKey(subject)}`,
      () => [
        ...this.#predicateAdjectives(frame, subject),
        ...(this.#lexicon.language.order === "sov"
          ? this.#verbLast(frame, subject)
          : this.#verbNext(frame, subject)),
      ],
    );
  }

  #predicateAdjectives(frame: Frame, subject: Mention): Choice[] {
    const { language } = this.#lexicon;
    const inflection = inflectionOf(subject, "subject");
    const next = this.#tail(frame, subject);
    return this.#phrases.adjectives(frame.topic, subject.word).flatMap(({ item, weight }) =>
      [false, true].map((isNegated): Choice => [
        rhythm.predicate.adjective * weight * (isNegated ? rhythm.negation : 1 - rhythm.negation),
        language.space + language.predicate(item.stem, inflection, isNegated),
        next,
      ])
    );
  }

  #verbNext(frame: Frame, subject: Mention): Choice[] {
    const inflection = inflectionOf(subject, "subject");
    return this.#verbs(frame.topic, subject.word).flatMap(({ item: verb, weight }) =>
      this.#phrases.verbForms(
        verb,
        inflection,
        (1 - rhythm.predicate.adjective) * weight,
        this.#afterSubject(frame, verb, subject),
      )
    );
  }

  /** Place or object come before the verb, which agrees with the subject across them. */
  #verbLast(frame: Frame, subject: Mention): Choice[] {
    const { topic } = frame;
    const { intransitive, transitive } = rhythm.predicate;
    const inflection = inflectionOf(subject, "subject");
    const verbs = this.#lexicon.companions(subject.word, "intransitive", "intransitive", topic);
    const verbChoices = (weight: number) =>
      verbs.flatMap((verb) =>
        this.#phrases.verbForms(
          verb.item,
          inflection,
          weight * verb.weight,
          this.#tail(frame, subject),
        )
      );
    const afterPlace = this.#states.at(
      `after-place/${frameKey(frame)}/${mentionKey(subject)}`,
      () => verbChoices(1),
    );
    const objects = this.#lexicon.companions(subject.word, "objects", "noun", topic);
    return [
      ...verbChoices(intransitive / 2),
      ...this.#phrases.places(topic, subject.word, intransitive / 2).map((
        [weight, text],
      ): Choice => [weight, text, afterPlace]),
      ...this.#phrases.nounPhrases(objects, topic, "object").map((
        { weight, text, mention },
      ): Choice => [transitive * weight, text, this.#action(frame, mention, inflection)]),
    ];
  }

  /** The verb at the end, chosen by the object and inflected for the subject. */
  #action(frame: Frame, object: Mention, subject: Inflection): State {
    return this.#states.at(
      `action/${frameKey(frame)}/${mentionKey(object)}/${subject.nounClass}/${subject.isPlural}`,
      () =>
        this.#lexicon.companions(object.word, "actions", "transitive", frame.topic).flatMap((
          { item, weight },
        ) => this.#phrases.verbForms(item, subject, weight, this.#tail(frame, object))),
    );
  }

  #object(frame: Frame, verb: Word): State {
    return this.#states.at(`object/${frameKey(frame)}/${verb.id}`, () => {
      const objects = this.#lexicon.companions(verb, "objects", "noun", frame.topic);
      return this.#phrases.nounPhrases(objects, frame.topic, "object").map((
        { weight, text, mention },
      ): Choice => [weight, text, this.#tail(frame, mention)]);
    });
  }

  /** After the last phrase: the sentence ends, or goes on with manner, place or a relative clause. */
  #tail(frame: Frame, last: Mention): State {
    return this.#states.at(`tail/${frameKey(frame)}/${mentionKey(last)}`, () => {
      const { language } = this.#lexicon;
      const { topic, isQuestion, isRelative } = frame;
      const { tail } = rhythm;
      const end = isQuestion ? language.questionMark : language.stop;
      const next = this.#boundary(topic, last.word);
      const choices: Choice[] = [[tail.none, end, next]];
      if (language.order !== "sov") {
        for (const { item, weight } of this.#lexicon.pool("adverb", topic)) {
          const adverb = language.space + language.adverb(item.stem);
          choices.push([tail.adverb * weight, adverb + end, next]);
        }
        for (const [weight, text] of this.#phrases.places(topic, last.word, tail.place)) {
          choices.push([weight, text + end, next]);
        }
      }
      if (!isRelative) {
        const relative = language.space + language.relatives[last.word.nounClass];
        const clause = this.#predicate({ ...frame, isRelative: true }, last);
        choices.push([tail.relative, language.comma + relative, clause]);
      }
      return choices;
    });
  }
}

function scaled<T>(items: readonly Weighted<T>[], factor: number): Weighted<T>[] {
  return items.map(({ item, weight }) => ({ item, weight: weight * factor }));
}

function frameKey({ topic, isQuestion, isRelative }: Frame): string {
  return `${topic}/${isQuestion}/${isRelative}`;
}

function mentionKey({ word, isPlural }: Mention): string {
  return `${word.id}/${isPlural}`;
}
