import { checkReferenceStudy, loadReferenceStudy } from "@cambium/emotion-probing";
import type { Figure } from "@cambium/report";
import {
  finishedRuns,
  markdownTable,
  type PartState,
  type Settings,
  type StudyProgram,
  wrongUse,
} from "@cambium/study-kit";
import { ablationFigures, promptFigures, similarityFigures } from "./figures.ts";
import { overEmotionsText } from "./over-emotions.ts";
import { type EmotionPart, partsOf } from "./parts.ts";
import { type Extent, FULL, SMOKE } from "./plan.ts";
import type { AblationResult, PromptResult, SimilarityResult } from "./runs.ts";

const ENCODERS = ["minilm", "roberta"];

/** Whether the published numbers follow from the released data. */
async function replicate({ own }: Settings<Extent>): Promise<number> {
  const checks = await checkReferenceStudy(await loadReferenceStudy(own["reference"]!));
  const lines = checks.map(
    ({ what, published, measured, agrees }) =>
      `${agrees ? "agrees" : "differs"}: ${what}: published ${published}, computed ${Number(measured.toFixed(4))}`,
  );
  const off = checks.filter(({ agrees }) => !agrees).length;
  process.stdout.write(`${[...lines, `${checks.length - off} of ${checks.length} numbers agree`].join("\n")}\n`);
  return off === 0 ? 0 : 1;
}

function adjust(settings: Settings<Extent>, given: ReadonlySet<string>): Settings<Extent> {
  const { verb, own } = settings;
  const { encoder = FULL.encoder } = own;
  if (!ENCODERS.includes(encoder) || (given.has("smoke") && given.has("encoder")))
    throw wrongUse(`--encoder: expected ${ENCODERS.join(" or ")}, and not with --smoke, got "${encoder}"`);
  if ((verb === "replicate") !== given.has("reference")) throw wrongUse("--reference and replicate belong together");
  if (encoder === FULL.encoder) return settings;
  return {
    ...settings,
    extent: { ...FULL, encoder },
    out: given.has("out") ? settings.out : `runs/emotion-${encoder}`,
  };
}

/** What the page shows; the report has all figures. */
const SHOWN = [
  /^Distances of emotions to the model/,
  /^Similarity by layer/,
  /^Tau of significant/,
  /^Significant neurons as counted/,
  /^Accuracy by emotion/,
  /^Drop by attribute/,
  /^Development accuracy/,
];

function allFigures({ part: { kind }, state }: PartState<EmotionPart>): readonly Figure[] {
  if (kind === "similarity") return similarityFigures(finishedRuns<SimilarityResult>(state));
  if (kind === "ablation") return ablationFigures(finishedRuns<AblationResult>(state));
  return promptFigures(finishedRuns<PromptResult>(state));
}

function figuresOf(found: PartState<EmotionPart>) {
  const all = allFigures(found);
  const isShown = ({ title }: Figure): boolean => SHOWN.some((pattern) => pattern.test(title));
  return { shown: all.filter(isShown), others: all.filter((figure) => !isShown(figure)) };
}

/** Means over the seeds of every metric, one column for each kind of run. */
function meansTable({ part, state }: PartState<EmotionPart>): string {
  const groups = new Map<string, Readonly<Record<string, number>>[]>();
  for (const { cell, result } of finishedRuns<Readonly<Record<string, number>>>(state)) {
    const name = `${cell["representation"]}${cell["weights"] === "random" ? ", random weights" : ""}`;
    groups.set(name, [...(groups.get(name) ?? []), result]);
  }
  const rows = Object.entries(part.study.metrics).map(([metric, { unit, digits = 3 }]) => [
    unit === undefined ? metric : `${metric} (${unit})`,
    ...[...groups.values()].map((results) =>
      (results.reduce((sum, result) => sum + result[metric]!, 0) / results.length).toFixed(digits),
    ),
  ]);
  return markdownTable(["mean over seeds", ...groups.keys()], rows);
}

/** Time of all runs on the encoder, in words. */
function timeText({ encoder }: Extent, parts: readonly PartState<EmotionPart>[]): readonly string[] {
  const own = parts.filter(({ part }) => part.name.endsWith("-encoder"));
  const minutes = own.reduce((sum, { durationMs }) => sum + durationMs, 0) / 60_000;
  return minutes === 0
    ? []
    : [`All runs on ${encoder} took ${minutes.toFixed(1)} min, on two cores that other work shared.`];
}

/** The study as a command. */
export const emotion: StudyProgram<Extent, EmotionPart> = {
  name: "emotion",
  about: "Tests what neurons have to do with a model's knowledge of emotions.",
  smokeAbout: "the smallest sapling and hardly any texts",
  example: "run --only similarity-encoder",
  full: FULL,
  smoke: SMOKE,
  options: {
    encoder: {
      value: "<name>",
      help: "minilm, or roberta from the folder that CAMBIUM_ROBERTA names (default minilm)",
    },
    reference: { value: "<dir>", help: "a copy of the reference study's repository, for replicate" },
  },
  verbs: {
    replicate: {
      help: "computes what the reference study publishes from a copy of its data, and says what agrees",
      run: replicate,
    },
  },
  adjust,
  partsOf,
  page: {
    title: "Emotions in neurons",
    lead: () =>
      "Li et al. (2024, arXiv:2302.09582) find that a language model holds human attributes of emotions in single neurons, and that taking out an attribute's neurons hurts the inference of emotions as much as the attribute shapes how similar people find emotions. This page is what came of their method here, with the controls that their data call for: labels are permuted in place of counting pairs as independent, random sets are matched by layer, neurons are chosen on other texts than they are judged on.",
    about: (extent, parts) => [
      "Texts are GoEmotions' (CC BY 4.0). Of the study's 14 attributes, 7 have data that may be passed on: valence (VADER, MIT), and for the six faces whether GoEmotions counts an emotion to Ekman's. Arousal and the six appraisals have none, and neither has judged similarity: in its place stands how differently people give the labels together (`people`), which agrees with the study's judgements by 0.66. Intervals are 95 % t intervals over seeds, which draw texts, templates, prompts and random sets: they say how far the sample matters, not how far other models or other people would agree.",
      ...timeText(extent, parts),
    ],
    partText: (found) => [
      meansTable(found),
      ...(found.part.kind === "ablation" ? overEmotionsText(finishedRuns<AblationResult>(found.state)) : []),
    ],
    partFigures: figuresOf,
  },
};
