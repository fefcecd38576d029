/** The grid and its claims. */
import { type ClaimOptions, defineStudy, type Study } from "@cambium/experiments";
import { type Cell, COORDINATE_RATE, type Extent, RATES } from "./plan.ts";

function claimsOf({ dimensions }: Extent): ClaimOptions[] {
  const [least, most] = [dimensions[0]!, dimensions.at(-1)!];
  const fitted = { space: "fitted", dimension: most };
  return [
    {
      claim: `${most} coordinates reach 90 % of ordinary training on tasks that were held out`,
      metric: "optimised",
      where: fitted,
      atLeast: 90,
    },
    {
      claim: "They beat as many random directions by 10 points",
      metric: "optimised",
      where: fitted,
      minus: { space: "random", dimension: most },
      atLeast: 10,
    },
    {
      claim: "Another method that decodes the coordinates without training keeps 85 % of that",
      metric: "kept",
      where: fitted,
      atLeast: 85,
    },
    {
      claim: "Transfer needs the common subspace: with each method's own components it is lower by 10 points",
      metric: "transferred",
      where: fitted,
      minus: { space: "own", dimension: most },
      atLeast: 10,
    },
    ...(least === most
      ? []
      : [
          {
            claim: `More coordinates are no worse: ${most} against ${least}`,
            metric: "optimised",
            where: fitted,
            minus: { space: "fitted", dimension: least },
            atLeast: 0,
          },
        ]),
  ];
}

/** The study of one extent on one of its models. */
export const subspaceStudy = (extent: Extent, on: Cell["on"]): Study =>
  defineStudy({
    name: `subspace-${on}-${extent.name}`,
    run: {
      module: new URL("./runs.ts", import.meta.url).href,
      version: "1",
      inputs: { extent: { ...extent }, rates: { ...RATES, coordinates: COORDINATE_RATE } },
      step: { name: "oneStep", per: ["space"] },
    },
    factors: {
      space: ["fitted", "random", "own"],
      dimension: extent.dimensions,
      extent: [extent.name],
      on: [on],
      seed: extent.seeds,
    },
    metrics: {
      optimised: { unit: "%", digits: 1 },
      transferred: { unit: "%", digits: 1 },
      kept: { unit: "%", digits: 1 },
      full: { unit: "%", digits: 1 },
      mean: { unit: "%", digits: 1 },
    },
    claims: claimsOf(extent),
    figures: [
      {
        title: "Held-out tasks by their coordinates",
        metric: "optimised",
        x: "dimension",
        scale: "log",
        series: ["space"],
      },
      { title: "Decoded by another method", metric: "transferred", x: "dimension", scale: "log", series: ["space"] },
    ],
  });
