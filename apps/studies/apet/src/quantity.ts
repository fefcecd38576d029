/** E2: how many scalars it takes. */
import { type ClaimOptions, defineStudy, type Study } from "@cambium/experiments";
import { codeOf, METRICS, tuningOf } from "./common.ts";
import { sizeOf } from "./models.ts";
import { type Extent, MARGIN, ONE_STEP, ROWS } from "./plan.ts";
import type { QuantityCell } from "./runs.ts";
import { lowOfRandom, lowOverTasks, thresholdFall } from "./statistics.ts";

/** Scalars that queries and values of the smallest sapling have, with their biases: the sweep within these goes no further. */
const NARROW = 65_536;

/** Full fine-tuning stands at the number of the model's weights; random weights are swept in one place. */
function isRun(cell: QuantityCell): boolean {
  const isAll = cell.count === sizeOf(cell.model);
  if (cell.place === "full") return isAll;
  return cell.count <= NARROW && (cell.weights === "pretrained" || cell.place === "anywhere");
}

const figuresOf = (models: readonly string[]) =>
  models.map((model) => ({
    title: `Accuracy by number of trained scalars, ${model}`,
    metric: "accuracy",
    where: { model },
    x: "count",
    scale: "log" as const,
    series: ["weights", "place", "task"],
  }));

function claimsOf(model: string, counts: readonly number[], over: readonly string[]): ClaimOptions[] {
  const where = { model, weights: "pretrained", count: counts };
  return [
    {
      claim: `Scalars anywhere are within ${MARGIN} points of as many in queries and values on ${model}`,
      metric: "accuracy",
      where: { ...where, place: "anywhere" },
      minus: { ...where, place: "query-value" },
      atLeast: -MARGIN,
    },
    {
      claim: `Tasks need about the same number to beat a guess on ${model}`,
      metric: "accuracy",
      where: { model, weights: "pretrained", place: ["anywhere", "full"] },
      statistic: lowOverTasks,
      over,
      atMost: ONE_STEP,
    },
  ];
}

function claimsOfLadder({ ladder, counts }: Extent): ClaimOptions[] {
  const [small, large] = [ladder[0]!, ladder.at(-1)!];
  const anywhere = { place: ["anywhere", "full"] };
  const over = ["task", "seed"];
  const ofSize = (["high", "low"] as const).map((kind) => ({
    claim: `${kind === "high" ? `Reaching full fine-tuning` : "Beating a guess"} takes fewer scalars on ${large} than on ${small}`,
    metric: "accuracy",
    where: { model: [small, large], weights: "pretrained", ...anywhere },
    statistic: thresholdFall(kind, small, large),
    over,
    atLeast: 0,
  }));
  return [
    ...ladder.flatMap((model) => claimsOf(model, counts, ["seed"])),
    ...(small === large ? [] : ofSize),
    {
      claim: "Random weights need ten times as many scalars or more to beat a guess",
      metric: "accuracy",
      where: anywhere,
      statistic: lowOfRandom,
      over: ["model", ...over],
      atLeast: 1,
    },
  ];
}

const PER = ["model", "weights", "place", "count"];

/** Quantity on the saplings and on twins of random weights. */
export const quantityOnLadder = (extent: Extent): Study =>
  defineStudy({
    name: `apet-quantity-ladder-${extent.name}`,
    run: codeOf("quantity", ["model", "place"]),
    factors: {
      model: extent.ladder,
      weights: ["pretrained", "random"],
      place: ["anywhere", "query-value", "full"],
      count: [...extent.counts, ...extent.ladder.map(sizeOf)],
      task: extent.twoTasks,
      rows: [ROWS],
      steps: [extent.steps],
      seed: extent.seeds,
    },
    where: (cell) => isRun(cell as unknown as QuantityCell),
    metrics: METRICS,
    tuning: tuningOf(extent, PER, ROWS),
    claims: claimsOfLadder(extent),
    figures: figuresOf(extent.ladder),
  });

/** Quantity on an encoder that others pretrained. */
export const quantityOnEncoder = (extent: Extent): Study =>
  defineStudy({
    name: `apet-quantity-encoder-${extent.name}`,
    run: codeOf("quantity", ["model", "place"]),
    factors: {
      model: [extent.encoder],
      weights: ["pretrained"],
      place: ["anywhere", "query-value", "full"],
      count: [...extent.fewCounts, sizeOf(extent.encoder)],
      task: extent.twoTasks,
      rows: [ROWS],
      steps: [extent.steps],
      seed: extent.fewSeeds,
    },
    where: (cell) => isRun(cell as unknown as QuantityCell),
    metrics: METRICS,
    tuning: tuningOf(extent, PER, ROWS),
    claims: claimsOf(extent.encoder, extent.fewCounts, ["seed"]),
    figures: figuresOf([extent.encoder]),
  });
