import { ConfigError } from "@cambium/base";
import { pairsOf, type Rdm, rdmOf } from "../rdm/rdm.ts";

/**
 * The 27 emotions of GoEmotions by polarity (Demszky, Movshovitz-Attias, Ko, Cowen, Nemade and Ravi 2020, GoEmotions: A dataset of
 * fine-grained emotions, arXiv:2005.00547, figure 2; CC BY 4.0).
 */
export const polarityGroups: Readonly<Record<string, readonly string[]>> = {
  positive: [
    ...["admiration", "amusement", "approval", "caring", "desire", "excitement"],
    ...["gratitude", "joy", "love", "optimism", "pride", "relief"],
  ],
  negative: [
    ...["anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment"],
    ...["fear", "grief", "nervousness", "remorse", "sadness"],
  ],
  ambiguous: ["confusion", "curiosity", "realization", "surprise"],
};

/** The same by the six emotions of Ekman, as the data set's authors assign them (CC BY 4.0). */
export const ekmanGroups: Readonly<Record<string, readonly string[]>> = {
  joy: [
    ...["admiration", "amusement", "approval", "caring", "desire", "excitement"],
    ...["gratitude", "joy", "love", "optimism", "pride", "relief"],
  ],
  anger: ["anger", "annoyance", "disapproval"],
  sadness: ["disappointment", "embarrassment", "grief", "remorse", "sadness"],
  fear: ["fear", "nervousness"],
  surprise: ["confusion", "curiosity", "realization", "surprise"],
  disgust: ["disgust"],
};

/**
 * The RDM of a partition: 0 within a group, 1 between groups.
 *
 * @throws {ConfigError} When a condition is in no group, or in several.
 */
export function groupRdm(conditions: readonly string[], groups: Readonly<Record<string, readonly string[]>>): Rdm {
  const groupOf = conditions.map((condition) => {
    const found = Object.keys(groups).filter((name) => groups[name]!.includes(condition));
    if (found.length === 1) return found[0]!;
    throw new ConfigError({
      message: `groupRdm: "${condition}" must be in one group, and is in ${found.join(" and ") || "none"}`,
      condition,
    });
  });
  return rdmOf(
    conditions,
    Float64Array.from(pairsOf(conditions.length), ([i, j]) => Number(groupOf[i] !== groupOf[j])),
    "groups",
  );
}
