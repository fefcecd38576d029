/** Whether the published numbers of the reference study follow from its released data by what this package computes. */
import { FormatError, result } from "@cambium/base";
import { random } from "@cambium/core";
import { compareRdms } from "../compare/compare-rdms.ts";
import { adjustP } from "../inference/adjust.ts";
import { runSearchlight } from "../neurons/searchlight.ts";
import type { ReferenceStudy } from "./reference-study.ts";

/** One published number, and what came out. */
export interface ReferenceCheck {
  readonly what: string;
  readonly published: number;
  readonly measured: number;
  readonly agrees: boolean;
}

/** An attribute by its name in tables and in files of accuracies, and what is published of it. */
interface Published {
  readonly name: RegExp;
  readonly tau: number;
  readonly drop: number;
  readonly neurons: number;
}

/** Kendall's tau with judged similarity; points of accuracy at 4,000 neurons; neurons at q < .01. */
const PUBLISHED: Readonly<Record<string, Published>> = {
  happy: { name: /^happy/, tau: 0.605, drop: 19.0, neurons: 4924 },
  valence: { name: /^valence/, tau: 0.586, drop: 12.3, neurons: 4523 },
  fairness: { name: /^fairness/, tau: 0.423, drop: 9.0, neurons: 2270 },
  anger: { name: /^anger/, tau: 0.384, drop: -0.3, neurons: 7622 },
  disgust: { name: /^disgust/, tau: 0.383, drop: -6.0, neurons: 10_673 },
  sad: { name: /^sad/, tau: 0.362, drop: -0.6, neurons: 4510 },
  fear: { name: /^fear/, tau: 0.265, drop: 7.2, neurons: 3848 },
  expectedness: { name: /^expectedness/, tau: 0.082, drop: 2.6, neurons: 1452 },
  control: { name: /^control/, tau: 0.069, drop: 11.8, neurons: 521 },
  "self-relativity": { name: /^self/, tau: 0.068, drop: -3.6, neurons: 3118 },
  surprise: { name: /^surprise/, tau: 0.046, drop: -3.0, neurons: 1405 },
  novelty: { name: /novelty/, tau: 0.029, drop: 6.7, neurons: 1038 },
  "other-relativity": { name: /^other/, tau: 0.008, drop: 0.2, neurons: 12_781 },
  arousal: { name: /^arousal/, tau: -0.003, drop: -15.1, neurons: 3261 },
};

/** Neurons taken out in the main analysis. */
const MAIN = 4000;
const MEAN_CORRESPONDENCE = 0.474;

/**
 * Computes what the study publishes from a copy of its data: the weights of the attributes, the neurons that follow them, what their
 * ablation costs, and how both go together.
 *
 * @returns Every number beside the published one, equal where rounding to its digits makes them so.
 */
export async function checkReferenceStudy(study: ReferenceStudy): Promise<readonly ReferenceCheck[]> {
  const names = Object.keys(study.attributes);
  const published = names.map((name) => {
    const found = Object.entries(PUBLISHED).find(([, one]) => one.name.test(name));
    if (found !== undefined) return { label: found[0], ...found[1] };
    throw new FormatError({ message: `checkReferenceStudy: nothing is published of an attribute "${name}"`, name });
  });
  const checks: ReferenceCheck[] = [];
  const check = (what: string, expected: number, measured: number, digits: number): void => {
    checks.push({
      what,
      published: expected,
      measured,
      agrees: Math.abs(measured - expected) <= 0.5 * 10 ** -digits + 1e-9,
    });
  };
  const taus = names.map((name) => compareRdms(study.meanHuman, study.attributes[name]!, { method: "tau-b" }));
  published.forEach(({ label, tau }, a) => {
    check(`tau of ${label} with judged similarity`, tau, taus[a]!, 3);
  });

  const light = await result(
    runSearchlight(await study.activations(), study.attributes, { method: "tau-b", random: random(0) }),
  );
  const q = adjustP(Float64Array.from(light.attributes.flatMap(({ p }) => [...p])), "naive");
  const count = light.lights.length;
  published.forEach(({ label, neurons }, a) => {
    const found = q.subarray(a * count, (a + 1) * count).filter((value) => value < 0.01).length;
    check(`neurons that follow ${label}`, neurons, found, 0);
  });

  const ablations = await study.ablations();
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const dropIn = (rows: typeof ablations, { name }: Published): number =>
    mean(
      rows.map(({ emotion, seed, selective, random: others }) => {
        const [own, other] = [selective, others].map(
          (all) => all[Object.keys(all).find((key) => name.test(key)) ?? ""]?.[MAIN],
        );
        if (own !== undefined && other !== undefined) return 100 * (other - own);
        throw new FormatError({
          message: `checkReferenceStudy: there is no accuracy of ${emotion}, seed ${seed}, at ${MAIN} neurons for ${name}`,
        });
      }),
    );
  for (const one of published) check(`drop of ${one.label}, points`, one.drop, dropIn(ablations, one), 1);
  const related = study.emotions.map((emotion) => {
    const rows = ablations.filter((row) => row.emotion === emotion);
    return pearson(
      published.map((one) => dropIn(rows, one)),
      taus,
    );
  });
  check("mean correlation of drops and weights over emotions", MEAN_CORRESPONDENCE, mean(related), 3);
  return checks;
}

function pearson(a: readonly number[], b: readonly number[]): number {
  const centred = (values: readonly number[]): number[] => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.map((value) => value - mean);
  };
  const [x, y] = [centred(a), centred(b)];
  const dot = (u: readonly number[], v: readonly number[]): number =>
    u.reduce((sum, value, i) => sum + value * v[i]!, 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}
