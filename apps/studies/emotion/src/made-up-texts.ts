import type { GoEmotions, LabelledText } from "@cambium/emotion-probing";

const SAID: Readonly<Record<string, readonly string[]>> = {
  gratitude: ["thank you so much for", "i am very thankful for"],
  joy: ["i am so happy about", "what a glad day for"],
  love: ["i love with all my heart", "my dear , how i adore"],
  anger: ["i am furious about", "how dare they speak of"],
  fear: ["i am so afraid of", "it is terrible to think of"],
  sadness: ["i could weep about", "how sad i am for"],
};
const THINGS = ["the house", "my brother", "the long road", "this old ship", "her letter", "the king"];

/** Sentences for the smoke test, which needs no data: two ways to say each emotion, of six things each. */
export function madeUpTexts(emotions: readonly string[]): GoEmotions {
  const all = emotions.flatMap((emotion) =>
    SAID[emotion]!.flatMap((said) =>
      THINGS.map((thing): LabelledText => ({ text: `${said} ${thing} .`, labels: [emotion] })),
    ),
  );
  // People would give some labels together.
  const [first, second, third] = emotions as readonly [string, string, string];
  const both: LabelledText[] = [first, second, third].map((emotion, i) => ({
    text: "oh , that .",
    labels: [emotion, emotions[(i + 1) % emotions.length]!],
  }));
  const others = emotions.slice(3).map((emotion, i) => ({
    text: "oh , this .",
    labels: [emotion, emotions[3 + ((i + 1) % (emotions.length - 3))]!],
  }));
  const part = (n: number): readonly LabelledText[] => all.filter((_, i) => i % 3 === n);
  return { emotions, train: [...part(0), ...both, ...others], dev: part(1), test: part(2) };
}
