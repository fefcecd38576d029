/** The parts of the study in the order in which they are run. */
import { join } from "node:path";
import {
  type ClaimOptions,
  defineStudy,
  type FinishedRun,
  loadStudy,
  type RunCode,
  type Study,
} from "@cambium/experiments";
import type { Part } from "@cambium/study-kit";
import {
  type Extent,
  FEW_METHODS,
  LEAST_FLOPS,
  LEAST_TIME,
  MARGIN,
  METHODS,
  type MethodName,
  TUNING_SEED,
} from "./plan.ts";

const code: RunCode = {
  module: new URL("./run.ts", import.meta.url).href,
  version: "1",
  inputs: { models: { minilm: "all-MiniLM-L6-v2", smollm2: "SmolLM2-135M-Instruct, Q4_1" }, saplings: 1 },
  step: { name: "step", per: ["model", "method"] },
};

/** Percent of a time that growth of both saves. */
const savedTime = (metric: "seconds" | "processor") => ({
  version: "1",
  compute(runs: readonly FinishedRun[]): number {
    const mean = (method: string): number => {
      const own = runs.filter(({ cell }) => cell["method"] === method).map(({ result }) => result[metric] as number);
      return own.reduce((sum, value) => sum + value, 0) / own.length;
    };
    return 100 * (1 - mean("compound") / mean("prompt"));
  },
});

function claimsOf(model: string, methods: readonly MethodName[]): ClaimOptions[] {
  const at = (method: string) => ({ model, method });
  return [
    {
      claim: `Growth of depth and width is at most ${MARGIN} points below ordinary prompt tuning on ${model}`,
      metric: "accuracy",
      where: at("compound"),
      minus: at("prompt"),
      atLeast: -MARGIN,
    },
    {
      claim: `It is at least as good as ordinary prompt tuning at the same cost on ${model}, within 0.2 points`,
      metric: "accuracy",
      where: at("compound"),
      minus: at("prompt-matched"),
      atLeast: -0.2,
    },
    {
      claim: `It saves ${LEAST_FLOPS} % of the operations on ${model}, scoring counted`,
      metric: "saved",
      where: at("compound"),
      atLeast: LEAST_FLOPS,
    },
    {
      claim: `It saves ${LEAST_TIME} % of the wall clock on ${model}, scoring and the making of graphs counted`,
      metric: "seconds",
      where: { model, method: ["compound", "prompt"] },
      statistic: savedTime("seconds"),
      atLeast: LEAST_TIME,
    },
    {
      claim: `It saves ${LEAST_TIME} % of the processor time on ${model}, which other work on the machine hardly changes`,
      metric: "processor",
      where: { model, method: ["compound", "prompt"] },
      statistic: savedTime("processor"),
      atLeast: LEAST_TIME,
    },
    ...(methods.includes("width")
      ? [
          {
            claim: `Growth of width is at most ${MARGIN} points below ordinary prompt tuning on ${model}`,
            metric: "accuracy",
            where: at("width"),
            minus: at("prompt"),
            atLeast: -MARGIN,
          },
        ]
      : []),
    { claim: `A change of stage takes under a second on ${model}`, metric: "growth", where: { model }, atMost: 1000 },
  ];
}

const METRICS = {
  accuracy: { unit: "%", digits: 1 },
  gflop: { unit: "GFLOP", digits: 0 },
  saved: { unit: "%", digits: 1 },
  seconds: { unit: "s", digits: 1 },
  processor: { unit: "s", digits: 1 },
  taken: { digits: 0 },
  growth: { unit: "ms", digits: 0 },
  peak: { unit: "MB", digits: 0 },
} as const;

const figuresOf = [
  { title: "Accuracy by method", metric: "accuracy", series: ["method"] },
  { title: "Operations saved by method", metric: "saved", series: ["method"] },
  { title: "Wall clock by method", metric: "seconds", series: ["method"] },
];

const factorsOf = (
  { steps, scored, seeds }: Extent,
  model: string,
  tasks: readonly string[],
  methods: readonly MethodName[],
) => ({
  model: [model],
  method: methods,
  task: tasks,
  steps: [steps],
  scored: [scored],
  seed: seeds,
});

function onEncoder(extent: Extent): Study {
  const { rates, tuningSteps, tunedOn, steps, scored, encoder, tasks } = extent;
  return defineStudy({
    name: `fast-prompt-tuning-encoder-${extent.name}`,
    run: code,
    factors: factorsOf(extent, encoder, tasks, METHODS),
    metrics: METRICS,
    tuning: {
      factor: "rate",
      values: rates,
      per: ["model", "method"],
      at: { task: tunedOn, steps: [steps], scored: [scored], seed: [TUNING_SEED] },
      from: tuningSteps[0],
      to: tuningSteps[1],
      metric: "accuracy",
      goal: "max",
    },
    claims: claimsOf(encoder, METHODS),
    figures: figuresOf,
  });
}

type Rates = ReadonlyMap<string, number>;

/** The rates that the tuning on the encoder chose; nothing before it has chosen all. */
async function ratesOf(encoder: Study, folder: string): Promise<Rates | undefined> {
  const { board } = await loadStudy(encoder, folder);
  const chosen = board.tuned.map(
    ({ group, chosen: rate }) => [String(group["method"]), rate as number | undefined] as const,
  );
  return chosen.length === METHODS.length && chosen.every(([, rate]) => rate !== undefined)
    ? new Map(chosen as [string, number][])
    : undefined;
}

function onDecoder(extent: Extent, rates: Rates | undefined): Study {
  const any = extent.rates[Math.floor(extent.rates.length / 2)]!; // for the plan: costs do not depend on it
  const rateOf = (method: string): number => rates?.get(method) ?? any;
  return defineStudy({
    name: `fast-prompt-tuning-decoder-${extent.name}`,
    run: code,
    factors: {
      ...factorsOf(
        { ...extent, seeds: extent.fewSeeds, steps: extent.fewSteps },
        extent.decoder,
        extent.twoTasks,
        FEW_METHODS,
      ),
      rate: [...new Set(FEW_METHODS.map(rateOf))],
    },
    where: (cell) => cell["rate"] === rateOf(String(cell["method"])),
    metrics: METRICS,
    claims: claimsOf(extent.decoder, FEW_METHODS),
    figures: figuresOf,
  });
}

/** All parts, with their results in folders below `folder`. */
export async function partsOf(extent: Extent, folder: string): Promise<Part[]> {
  const at = (name: string): string => join(folder, name);
  const encoder = onEncoder(extent);
  const rates = await ratesOf(encoder, at("encoder"));
  return [
    {
      name: "encoder",
      title: `Stages on ${extent.encoder}`,
      about: `${extent.tasks.length} tasks, a prompt of 10 rows and a class head. Rates are chosen by successive halving, ${extent.rates.length} levels with one budget for every method.`,
      study: encoder,
      folder: at("encoder"),
    },
    {
      name: "decoder",
      title: `Stages on ${extent.decoder}`,
      about: `${extent.twoTasks.length} tasks, with the rates that were found on ${extent.encoder}, from 4 rows a step: ${extent.fewSteps} steps, ${extent.fewSeeds.length} seeds, and no growth of depth or of width alone.`,
      study: onDecoder(extent, rates),
      folder: at("decoder"),
      ...(rates === undefined && { waitsFor: "the learning rates that the part encoder tunes" }),
    },
  ];
}
