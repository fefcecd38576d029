/** E1: designed methods against as many scalars elsewhere. */
import { type ClaimOptions, defineStudy, type Study, type Cell as StudyCell } from "@cambium/experiments";
import { codeOf, METRICS, tuningOf } from "./common.ts";
import { type Extent, MARGIN, ROWS } from "./plan.ts";
import type { PositionCell } from "./runs.ts";
import { gap, seedSpread, spreadOfMethods } from "./statistics.ts";

const POSITIONS = ["designed", "groups", "scalars"] as const;
const WHERE = { groups: "Half whole weights, half whole LoRAs and adapters", scalars: "Single numbers of any weights" };

/** The head learns alone in one way only. */
const isRun = (cell: StudyCell): boolean => cell["method"] !== "head" || cell["position"] === "designed";

const factorsOf = (
  models: readonly string[],
  methods: readonly string[],
  tasks: readonly string[],
  seeds: readonly number[],
  steps: number,
) => ({
  model: models,
  method: ["head", ...methods],
  position: POSITIONS,
  task: tasks,
  rows: [ROWS],
  steps: [steps],
  seed: seeds,
});

const FIGURES = (models: readonly string[]) =>
  models.map((model) => ({
    title: `Accuracy by method and position, ${model}`,
    metric: "accuracy",
    where: { model },
    series: ["method", "position"],
  }));

/** What is claimed of one model: that the designed methods learn at all, and that the same number elsewhere does as well. */
const claimsOf = (model: string, methods: readonly string[]): ClaimOptions[] => [
  {
    claim: `Designed methods beat a head alone by ${MARGIN} points on ${model}`,
    metric: "accuracy",
    where: { model, method: methods, position: "designed" },
    minus: { model, method: "head" },
    atLeast: MARGIN,
  },
  ...(["groups", "scalars"] as const).map((position) => ({
    claim: `${WHERE[position]} are within ${MARGIN} points of the designed method of their number on ${model}`,
    metric: "accuracy",
    where: { model, method: methods, position },
    minus: { model, method: methods, position: "designed" },
    atLeast: -MARGIN,
  })),
];

/** What is claimed of size: of the smallest model of the ladder and of the largest, over the tasks. */
function claimsOfSize({ ladder, methods: method }: Extent): ClaimOptions[] {
  const [small, large] = [ladder[0]!, ladder.at(-1)!];
  if (small === large) return [];
  const model = [small, large];
  const about = { metric: "accuracy", over: ["task"], atLeast: 0 };
  return [
    {
      claim: `Designed methods differ less from each other on ${large} than on ${small}`,
      ...about,
      where: { model, method, position: "designed" },
      statistic: spreadOfMethods(small, large),
    },
    {
      claim: `As many scalars elsewhere are closer to the designed method on ${large} than on ${small}`,
      ...about,
      where: { model, method },
      statistic: gap(small, large),
    },
    {
      claim: `Seeds matter less for scalars elsewhere on ${large} than on ${small}`,
      ...about,
      where: { model, method, position: ["groups", "scalars"] },
      statistic: seedSpread(small, large),
    },
  ];
}

/** Position on the saplings, where models differ by nothing but their size. */
export const positionOnLadder = (extent: Extent): Study =>
  defineStudy({
    name: `apet-position-ladder-${extent.name}`,
    run: codeOf("position", ["model", "task"]),
    factors: factorsOf(extent.ladder, extent.methods, extent.tasks, extent.seeds, extent.steps),
    where: isRun,
    metrics: METRICS,
    tuning: tuningOf(extent, ["model", "method", "position"], ROWS),
    claims: [...extent.ladder.flatMap((model) => claimsOf(model, extent.methods)), ...claimsOfSize(extent)],
    figures: FIGURES(extent.ladder),
  });

/** Position on an encoder that others pretrained. */
export const positionOnEncoder = (extent: Extent): Study =>
  defineStudy({
    name: `apet-position-encoder-${extent.name}`,
    run: codeOf("position", ["model", "task"]),
    factors: factorsOf([extent.encoder], extent.methods, extent.tasks, extent.fewSeeds, extent.steps),
    where: isRun,
    metrics: METRICS,
    tuning: tuningOf(extent, ["model", "method", "position"], ROWS),
    claims: claimsOf(extent.encoder, extent.methods),
    figures: FIGURES([extent.encoder]),
  });

/** Learning rates by way of tuning: of a method at a position. */
export type Rates = (cell: Pick<PositionCell, "method" | "position">) => number;

/** Methods that a model without biases has. */
const onDecoder = ({ methods }: Extent) => methods.filter((method) => method !== "bitfit");

/** Position on a decoder with the rates that were found on the encoder: tuning them there would cost more than the study. */
export const positionOnDecoder = (extent: Extent, rates: Rates): Study =>
  defineStudy({
    name: `apet-position-decoder-${extent.name}`,
    run: codeOf("position", ["model", "method"]),
    factors: {
      ...factorsOf([extent.decoder], onDecoder(extent), extent.twoTasks, extent.fewSeeds, extent.steps),
      rate: extent.rates,
    },
    where: (cell) => isRun(cell) && cell["rate"] === rates(cell as unknown as PositionCell),
    metrics: METRICS,
    claims: claimsOf(extent.decoder, onDecoder(extent)),
    figures: FIGURES([extent.decoder]),
  });
