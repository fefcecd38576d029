/** The parts of the study in the order in which they are run, with their claims. */
import { join } from "node:path";
import { type ClaimOptions, defineStudy, type FinishedRun, type RunCode, type Study } from "@cambium/experiments";
import type { Part } from "@cambium/study-kit";
import { spearman } from "@cambium/train";
import { type Cell, DROP, type Extent, isMeant, type MethodName, NO_BARRIER, REMOVED, TREND } from "./plan.ts";

const code = (name: string, step?: string): RunCode => ({
  module: new URL("./runs.ts", import.meta.url).href,
  name,
  version: "1",
  inputs: { saplings: 1, minilm: "all-MiniLM-L6-v2" },
  ...(step !== undefined && { step: { name: step, per: ["model", "method", "task"] } }),
});

const METRICS = {
  barrier: { unit: "nats", digits: 3 },
  scoreDrop: { unit: "points", digits: 1 },
  middle: { unit: "%", digits: 1 },
  ends: { unit: "%", digits: 1 },
  aligned: { unit: "nats", digits: 3 },
  curve: { unit: "nats", digits: 3 },
  removed: { digits: 2 },
  copy: { unit: "nats", digits: 6 },
  distance: { digits: 2 },
} as const;

const factorsOf = (extent: Extent, models: readonly string[], seeds: readonly number[] = extent.seeds) => ({
  model: models,
  method: extent.methods,
  factor: extent.factors,
  task: extent.tasks,
  rows: [extent.rows],
  measuredRows: [extent.measuredRows],
  steps: extent.steps,
  points: [extent.points],
  curveSteps: [extent.curveSteps],
  seed: seeds,
});

const DELTAS: readonly MethodName[] = ["adapter", "lora", "prefix"];

const PLURALS: Readonly<Record<MethodName, string>> = {
  whole: "Full fine-tunings",
  adapter: "Adapters",
  lora: "LoRAs",
  prefix: "Prefixes",
};

/** Methods whose units may change places. */
const PERMUTABLE: readonly MethodName[] = ["whole", "adapter", "prefix"];

/** What is claimed of one model. */
function claimsOf(extent: Extent, model: string): ClaimOptions[] {
  const { methods, factors, steps } = extent;
  const over = ["seed", "task"];
  const [short, long] = [steps[0]!, steps.at(-1)!];
  const deltas = DELTAS.filter((method) => methods.includes(method));
  const at = { model, factor: "start" };
  return [
    ...(factors.includes("order")
      ? [
          {
            claim: `Full fine-tunings of other orders of the data are connected: the score drops by at most ${DROP} points`,
            metric: "scoreDrop",
            where: { model, method: "whole", factor: "order" },
            over,
            atMost: DROP,
          },
        ]
      : []),
    ...deltas.map((method) => ({
      claim: `${PLURALS[method]} of other starts have a higher barrier than full fine-tunings`,
      metric: "barrier",
      where: { ...at, method },
      minus: { ...at, method: "whole" },
      over,
      atLeast: 0,
    })),
    {
      claim: "Adapters' barriers rise with the deviation of their starts",
      metric: "barrier",
      where: { model, method: "adapter", factor: "wide-start" },
      minus: { ...at, method: "adapter" },
      over,
      atLeast: 0,
    },
    ...(short === long
      ? []
      : [
          {
            claim: "Adapters' barriers rise with longer training",
            metric: "barrier",
            where: { model, method: "adapter", factor: "wide-start", steps: long },
            minus: { model, method: "adapter", factor: "wide-start", steps: short },
            over,
            atLeast: 0,
          },
        ]),
    {
      claim: `A Bezier curve with one bend takes away at least ${100 * REMOVED} % of adapters' barriers (below ${NO_BARRIER} nats there is none)`,
      metric: "removed",
      where: { model, method: "adapter", factor: "wide-start" },
      over,
      atLeast: REMOVED,
    },
    {
      claim: "Alignment of bottlenecks lowers adapters' barriers",
      metric: "barrier",
      where: { model, method: "adapter", factor: "wide-start" },
      statistic: { version: "barrier less aligned, 1", compute: lessAligned },
      over,
      atLeast: 0,
    },
    {
      claim: "A copy whose units were permuted returns to a barrier of exactly 0",
      metric: "copy",
      where: { model, method: PERMUTABLE.filter((method) => methods.includes(method)) },
      over,
      atMost: 0,
    },
  ];
}

const meanOf = (runs: readonly FinishedRun[], metric: string): number =>
  runs.reduce((sum, { result }) => sum + (result[metric] as number), 0) / runs.length;

function lessAligned(runs: readonly FinishedRun[]): number {
  return meanOf(runs, "barrier") - meanOf(runs, "aligned");
}

const figuresOf = (model: string) => [
  {
    title: `Barrier of the line by method and factor, ${model}`,
    metric: "barrier",
    where: { model },
    series: ["method", "factor"],
  },
  {
    title: `Drop of the score by method and factor, ${model}`,
    metric: "scoreDrop",
    where: { model },
    series: ["method", "factor"],
  },
];

const pairs = (extent: Extent, model: string): Study =>
  defineStudy({
    name: `connectivity-pairs-${extent.name}-${model}`,
    run: code("pair", "pairStep"),
    factors: factorsOf(extent, [model]),
    where: (cell) => isMeant(cell as unknown as Cell, extent),
    metrics: METRICS,
    claims: claimsOf(extent, model),
    figures: figuresOf(model),
  });

function trend(runs: readonly FinishedRun[]): number {
  const place = ({ cell }: FinishedRun): number => Number(String(cell["model"]).replace("ladder-", ""));
  return spearman(
    runs.map(place),
    runs.map(({ result }) => -(result["barrier"] as number)),
  );
}

const ladder = (extent: Extent): Study =>
  defineStudy({
    name: `connectivity-ladder-${extent.name}`,
    run: code("pair", "pairStep"),
    factors: {
      ...factorsOf(
        {
          ...extent,
          methods: ["whole", "adapter"],
          factors: ["start"],
          tasks: extent.tasks.slice(0, 1),
          steps: extent.steps.slice(-1),
        },
        extent.checkpoints.map((step) => `ladder-${step}`),
      ),
    },
    metrics: METRICS,
    claims: (["whole", "adapter"] as const).map((method) => ({
      claim: `The more a model was pretrained, the lower is the barrier between its ${method === "whole" ? "fine-tunings" : "adapters"}: rank correlation of at least ${TREND}`,
      metric: "barrier",
      where: { method },
      statistic: { version: "rank correlation of checkpoint and -barrier, 1", compute: trend },
      over: ["seed", "task"],
      atLeast: TREND,
    })),
  });

const knowledge = (extent: Extent): Study =>
  defineStudy({
    name: `connectivity-knowledge-${extent.name}`,
    run: code("knowledge"),
    factors: factorsOf(
      {
        ...extent,
        methods: extent.methods.filter((method) => method === "whole" || method === "adapter"),
        factors: ["data"],
        steps: extent.steps.slice(-1),
      },
      [extent.model],
    ),
    metrics: { trend: { digits: 2 }, forgotten: { digits: 0 }, learned: { digits: 0 } },
    claims: [
      {
        claim: "Of what is forgotten along a path, hard examples go first: confidence rises with the place",
        metric: "trend",
        over: ["seed", "task"],
        atLeast: 0,
      },
    ],
  });

/** All parts, with their results in folders below `folder`. */
export function partsOf(extent: Extent, folder: string): readonly Part[] {
  const parts: Omit<Part, "folder">[] = [
    {
      name: "pairs",
      title: `Pairs of tunings of ${extent.model}`,
      about:
        "Two ends that differ in one thing (the order of the data for whole models, where they start for each method, a wider start for adapters): the line between them, the line once units are aligned, a Bezier curve trained on the training rows. All is measured on rows that neither end learned from.",
      study: pairs(extent, extent.model),
    },
    {
      name: "knowledge",
      title: "What is forgotten on the way",
      about:
        "Examples of one end along the line to an end that learned from other rows, with the cartography of their training.",
      study: knowledge(extent),
    },
    {
      name: "ladder",
      title: "Over pretraining",
      about: "The same pairs on checkpoints of one pretraining.",
      study: ladder(extent),
      ...(process.env["CAMBIUM_LADDER"] === undefined && {
        lacks: "checkpoints of the ladder, in folders 1 to 8 of what CAMBIUM_LADDER names",
      }),
    },
    {
      name: "encoder",
      title: `Pairs of tunings of ${extent.encoder}`,
      about: "The central claims once more on an encoder that others pretrained, on one task.",
      study: pairs({ ...extent, tasks: extent.tasks.slice(0, 1) }, extent.encoder),
    },
  ];
  return parts.map((part) => ({ ...part, folder: join(folder, part.name) }));
}
