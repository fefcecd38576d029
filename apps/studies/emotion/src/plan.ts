/**
 * What is measured, with what, and what counts: fixed before any of it was run. Whatever comes out stays in the results.
 */

/** Where the condition representations come from: tuned prompts, labelled texts, or templates that name the emotion. */
export type Representation = "prompts" | "texts" | "templates";

/** How much of everything a study takes. */
export interface Extent {
  readonly name: "full" | "smoke";
  /** An encoder, and a decoder that is read at the last token. */
  readonly encoder: string;
  readonly decoder: string;
  readonly seeds: readonly number[];
  /** Of the parts that ablate, and of those that tune prompts. */
  readonly fewSeeds: readonly number[];
  /** Conditions of texts and templates, and of prompts. */
  readonly emotions: readonly string[];
  readonly promptEmotions: readonly string[];
  /** Labelled texts of an emotion that are read, at most. */
  readonly texts: number;
  /** Templates drawn for a seed. */
  readonly templates: number;
  readonly permutations: number;
  /** Share of all neurons that is taken out. */
  readonly share: number;
  /** Belongs to what runs are known by; how many random sets are drawn is `drawsOf`. */
  readonly draws: number;
  /** Texts of an emotion that the class head is fitted on; and that it, or a prompt, is asked about. */
  readonly headTexts: number;
  readonly askedTexts: number;
  /** Prompts: rows of one, prompts of each emotion, positive texts to learn from, times through them. */
  readonly length: number;
  readonly repeats: number;
  readonly positives: number;
  readonly epochs: number;
  /** Learning rate of prompts: of 0.002, 0.01 and 0.03 the best on development rows, with a seed that is reported nowhere. */
  readonly rate: number;
  /** Positive texts of the development rows of a prompt, with as many negative ones. */
  readonly judged: number;
}

/** The emotions of GoEmotions that VADER's lexicon rates, in the order of the reference study's figures. */
const RATED = [
  ...["surprise", "admiration", "gratitude", "optimism", "approval", "pride", "excitement", "joy", "love", "amusement"],
  ...["caring", "relief", "curiosity", "desire", "disgust", "anger", "annoyance", "confusion", "fear"],
  ...["disappointment", "grief", "sadness", "nervousness", "embarrassment", "remorse"],
];

/** Prompts take long: twelve emotions of both polarities, with texts enough. */
const PROMPTED = [
  ...["surprise", "admiration", "gratitude", "joy", "love", "amusement"],
  ...["curiosity", "disgust", "anger", "fear", "sadness", "remorse"],
];

export const FULL: Extent = {
  name: "full",
  encoder: "minilm",
  decoder: "smollm2",
  seeds: [1, 2, 3, 4, 5],
  fewSeeds: [1, 2, 3],
  emotions: RATED,
  promptEmotions: PROMPTED,
  texts: 100,
  templates: 5,
  permutations: 1000,
  share: 0.1,
  draws: 10,
  headTexts: 60,
  askedTexts: 6,
  length: 16,
  repeats: 2,
  positives: 128,
  epochs: 2,
  rate: 1e-2,
  judged: 32,
};

/** The same with the smallest sapling and hardly any texts: it shows that all parts work, and nothing else. */
export const SMOKE: Extent = {
  ...FULL,
  name: "smoke",
  encoder: "bert-2x128",
  decoder: "bert-2x128",
  seeds: [1, 2],
  fewSeeds: [1, 2],
  emotions: ["gratitude", "joy", "love", "anger", "fear", "sadness"],
  promptEmotions: ["gratitude", "joy", "anger", "fear"],
  texts: 4,
  templates: 2,
  permutations: 99,
  draws: 2,
  headTexts: 4,
  askedTexts: 2,
  length: 4,
  repeats: 1,
  positives: 4,
  epochs: 1,
  judged: 2,
};

/** On a decoder, which is ten times as large: fewer prompts, texts and attributes, and prompts are not ablated. */
export const decoderExtent = (extent: Extent): Extent => ({
  ...extent,
  repeats: 1,
  positives: Math.ceil(extent.positives / 2),
  askedTexts: Math.ceil(extent.askedTexts / 2),
});

/** Random sets of each control in a run that ablates; the runs of a part have other ones. */
export const drawsOf = ({ name }: Extent): number => (name === "smoke" ? 2 : 20);

export const extentOf = (name: string): Extent => (name === "smoke" ? SMOKE : FULL);

/** How much of a text is read: most comments have fewer tokens. */
export const MAX_LENGTH = 32;
/** Lengths that batches are padded to: few, since each is another program. */
export const PAD_TO: readonly number[] = [16, 24, MAX_LENGTH];
/** Rows of a step of prompt tuning. */
export const BATCH_SIZE = 16;

/** Texts that name an emotion; `{mask}` is for encoders, and a decoder goes on after what stands before it. */
export const TEMPLATES: readonly string[] = [
  "I feel {emotion}. It was {mask}.",
  "There was {emotion} in her voice. It was {mask}.",
  "He could not hide his {emotion}. It was {mask}.",
  "They spoke of {emotion}. It was {mask}.",
  "This is about {emotion}. It was {mask}.",
  "She wrote a letter full of {emotion}. It was {mask}.",
  "All I remember is the {emotion}. It was {mask}.",
  "We were moved by {emotion}. It was {mask}.",
  "{emotion} filled the room. It was {mask}.",
  "It was a moment of {emotion}. It was {mask}.",
];
