/** Labelled texts, and what is known of the emotions beside them. */
import { StateError } from "@cambium/base";
import type { Random } from "@cambium/core";
import {
  cooccurrenceRdm,
  ekmanGroups,
  type GoEmotions,
  groupRdm,
  type LabelledText,
  loadGoEmotions,
  measureRdm,
  polarityGroups,
  type Rdm,
  selectConditions,
  valence,
} from "@cambium/emotion-probing";
import { madeUpTexts } from "./made-up-texts.ts";
import type { Extent } from "./plan.ts";

let known: Promise<GoEmotions> | undefined;

/** GoEmotions, read once in a process; of the smoke test, sentences made up for it. */
export function textsOf(extent: Extent): Promise<GoEmotions> {
  if (extent.name === "smoke") return Promise.resolve(madeUpTexts(extent.emotions));
  known ??= loadGoEmotions(process.env["CAMBIUM_GOEMOTIONS"] ?? "data/goemotions");
  return known;
}

/** Texts that have one label alone, this one. */
export const ofEmotion = (rows: readonly LabelledText[], emotion: string): readonly string[] =>
  rows.filter(({ labels }) => labels.length === 1 && labels[0] === emotion).map(({ text }) => text);

/** Up to `count` of them, in a random order. */
export function draw<T>(rows: readonly T[], count: number, random: Random): readonly T[] {
  return Array.from(random.permutation(rows.length).subarray(0, Math.min(count, rows.length)), (i) => rows[i]!);
}

/**
 * The attributes that there is licensed data for: 7 of the reference study's 14. Valence is VADER's; for the six faces stands
 * whether GoEmotions counts the emotion to Ekman's. Arousal and the six appraisals are in no data that may be passed on.
 */
export function attributesOf(emotions: readonly string[]): Readonly<Record<string, Rdm>> {
  const difference = (rate: (emotion: string) => number): Rdm =>
    measureRdm(
      emotions.map((emotion) => [rate(emotion)]),
      { metric: "difference", conditions: emotions },
    );
  const faces = Object.entries(ekmanGroups).filter(([, members]) => {
    const count = emotions.filter((emotion) => members.includes(emotion)).length;
    return count > 0 && count < emotions.length;
  });
  return {
    valence: difference((emotion) => valence[emotion]!),
    ...Object.fromEntries(
      faces.map(([face, members]) => [face, difference((emotion) => Number(members.includes(emotion)))]),
    ),
  };
}

/** Other models of similarity. */
export interface Baselines {
  /** Positive, negative or ambiguous: 0 within a group, 1 between. */
  readonly polarity: Rdm;
  readonly ekman: Rdm;
  /** How differently people give the labels together with others: the stand-in for judged similarity. */
  readonly people: Rdm;
  /** Cosine distance of the emotions' mean counts of words, weighted by rarity: what no model is needed for. */
  readonly words: Rdm;
}

export function baselinesOf({ train, emotions: labels }: GoEmotions, emotions: readonly string[]): Baselines {
  const named = labels.filter((label) => label !== "neutral");
  return {
    polarity: groupRdm(emotions, polarityGroups),
    ekman: groupRdm(emotions, ekmanGroups),
    people: selectConditions(cooccurrenceRdm(train, named), emotions),
    words: wordsRdm(train, emotions),
  };
}

function wordsRdm(rows: readonly LabelledText[], emotions: readonly string[]): Rdm {
  const wordsIn = (text: string): readonly string[] => text.toLowerCase().match(/[a-z']+/g) ?? [];
  const inTexts = new Map<string, number>();
  for (const { text } of rows)
    for (const word of new Set(wordsIn(text))) inTexts.set(word, (inTexts.get(word) ?? 0) + 1);
  const vocabulary = [...inTexts].filter(([, count]) => count >= 2).map(([word]) => word);
  if (vocabulary.length === 0) throw new StateError({ message: "internal: no word comes twice" });
  const column = new Map(vocabulary.map((word, i) => [word, i]));
  const centroids = emotions.map(() => new Float64Array(vocabulary.length));
  for (const { text, labels } of rows) {
    for (const label of labels) {
      const centroid = centroids[emotions.indexOf(label)];
      if (centroid === undefined) continue;
      for (const word of wordsIn(text)) {
        const at = column.get(word);
        if (at !== undefined) centroid[at]! += Math.log(rows.length / inTexts.get(word)!);
      }
    }
  }
  return measureRdm(centroids, { metric: "cosine", conditions: emotions });
}
