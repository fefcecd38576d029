/** The loss of a step of `fitSubspace`, as an objective whose parameters are all projections. */
import type { Json } from "@cambium/base";
import { fingerprint, type LossContext, type Objective, type Parameters, type Random } from "@cambium/core";
import type { Batches, MiniBatch } from "@cambium/train";
import {
  add,
  addN,
  div,
  log,
  mean,
  mul,
  neg,
  reshape,
  type Scalar,
  scalar,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import { cut } from "../projection/projection.ts";
import type { FitSubspaceOptions } from "./fit-options.ts";
import { type Activation, encodeBy } from "./networks.ts";
import type { SolutionTable } from "./solution.ts";
import type { MethodSpace } from "./subspace.ts";
import type { Turns } from "./turns.ts";

/** What a step sees of a task. */
export interface FitBatch<Batch> {
  /** Absent where tasks have no data. */
  readonly batch?: Batch;
  /** By method, `[1, params]`. */
  readonly offsets: Readonly<Record<string, Tensor2D>>;
  /** What of each method's solution does not lie in the subspace. */
  readonly rests: Readonly<Record<string, Readonly<Record<string, Tensor>>>>;
}

/** Projections under the names of an objective: `<method>/decoder/…`, `<method>/encoder/…`. */
function projectionParameters(spaces: readonly MethodSpace[]): Map<string, Tensor> {
  return new Map(
    spaces.flatMap(({ name, decoder, encoder }) => [
      ...[...decoder.parameters].map(([key, tensor]) => [`${name}/decoder/${key}`, tensor] as const),
      ...[...(encoder?.parameters ?? [])].map(([key, tensor]) => [`${name}/encoder/${key}`, tensor] as const),
    ]),
  );
}

/** The projections of one method among those of all. */
export function partOf(parameters: Parameters, method: string, part: "decoder" | "encoder"): Map<string, Tensor> {
  const prefix = `${method}/${part}/`;
  return new Map(
    [...parameters].flatMap(([key, tensor]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), tensor] as const] : [],
    ),
  );
}

/** Weights of a mixture, `[count]`, that sum to 1. */
function drawWeights(kind: "paper" | "dirichlet", count: number, random: Random): Tensor1D[] {
  return tidy(() => {
    const drawn = random.uniform([count], 1e-7, 1);
    const part = (values: Tensor, k: number): Tensor1D => slice(values, [k], [1]) as Tensor1D;
    if (kind === "dirichlet") {
      const rates = neg(log(drawn));
      return Array.from({ length: count }, (_, k) => div(part(rates, k), sum(rates)) as Tensor1D);
    }
    let left: Tensor = tensor1d([1]);
    return Array.from({ length: count }, (_, k) => {
      const weight: Tensor = k === count - 1 ? left : mul(part(drawn, k), left);
      left = sub(left, weight);
      return weight as Tensor1D;
    });
  });
}

/** `Σ_t T_t + λ R_t`: task losses of one point decoded by every method, and reconstructions. */
export function fitObjective<Batch>(
  table: SolutionTable<Batch>,
  spaces: readonly MethodSpace[],
  options: FitSubspaceOptions<Batch>,
): Objective<FitBatch<Batch>> {
  const { mixing = "paper", measure = "length", encoder: activation = "tanh" as Activation, data } = options;
  const { reconstruction = table.tasks.length > 1 ? 10 : 0.1 } = options;
  const distance = (a: Tensor, b: Tensor): Scalar =>
    measure === "length"
      ? (sqrt(add(sum(square(sub(a, b))), scalar(1e-12))) as Scalar)
      : (mean(square(sub(a, b))) as Scalar);
  const loss = (parameters: Parameters, { batch, offsets, rests }: FitBatch<Batch>, context: LossContext): Scalar =>
    tidy(() => {
      const points = spaces.map(({ name }) =>
        encodeBy(partOf(parameters, name, "encoder"), activation, offsets[name]!),
      );
      const weights = context.training
        ? drawWeights(mixing === "none" ? "paper" : mixing, points.length, context.random.at("mixture"))
        : points.map(() => tensor1d([1 / points.length]));
      const mixture =
        mixing === "none" ? undefined : (addN(points.map((point, k) => mul(point, weights[k]!))) as Tensor2D);
      const parts = spaces.flatMap((space, k): Tensor[] => {
        const at = partOf(parameters, space.name, "decoder");
        const own = space.decoder.apply(at, data === undefined ? (mixture ?? points[k]!) : points[k]!);
        const apart = mul(distance(own, reshape(offsets[space.name]!, [-1])), scalar(reconstruction));
        if (batch === undefined) return [apart];
        const moved = cut(mixture === undefined ? own : space.decoder.apply(at, mixture), space.shapes);
        const point = new Map<string, Tensor>([
          ...Object.entries(rests[space.name]!),
          ...[...moved].map(([key, offset]) => [key, add(space.start.get(key)!, offset)] as const),
        ]);
        const { objective } = table.methods[k]!;
        const state = objective.state === undefined ? {} : { state: objective.state };
        return [
          apart,
          objective.loss(point, batch, { random: context.random.at(space.name), training: context.training, ...state }),
        ];
      });
      return addN(parts) as Scalar;
    });
  const isDescribed = data === undefined || table.methods.every(({ objective }) => objective.describe !== undefined);
  return {
    parameters: projectionParameters(spaces),
    loss,
    ...(isDescribed && { describe }),
  };

  async function describe(): Promise<Json> {
    const methods: Json[] = [];
    for (const [k, { name, start, decoder }] of spaces.entries()) {
      const { objective } = table.methods[k]!;
      methods.push({
        name,
        start: await fingerprint(start),
        decoder: decoder.settings,
        // The loss is that of the objective at any point, so its own point does not matter; its solutions are in the data.
        of: data === undefined ? null : ((await objective.describe?.()) ?? null),
      });
    }
    return { mixing, measure, activation, reconstruction, methods };
  }
}

/** Batches of all tasks by turns, each with its solutions. An epoch is one batch of each task; tasks start again when they end. */
export function fitBatches<Batch>(
  table: SolutionTable<Batch>,
  offsets: ReadonlyMap<string, ReadonlyMap<string, Tensor2D>>,
  data: FitSubspaceOptions<Batch>["data"],
  turns: ReadonlyMap<string, Turns<Batch>>,
): Batches<FitBatch<Batch>> {
  const withSolutions = (task: string, batch: Batch | undefined): FitBatch<Batch> => ({
    ...(batch !== undefined && { batch }),
    offsets: Object.fromEntries(table.methods.map(({ name }) => [name, offsets.get(task)!.get(name)!.clone()])),
    rests: Object.fromEntries(
      table.methods.map(({ name, points, shapes }) => [
        name,
        Object.fromEntries(
          [...points.get(task)!].flatMap(([key, tensor]) => (shapes.has(key) ? [] : [[key, tensor.clone()] as const])),
        ),
      ]),
    ),
  });
  return {
    batchCount: table.tasks.length,
    async *epoch(epoch, from = 0) {
      for (const [i, task] of table.tasks.entries()) {
        if (i < from) continue;
        const next: MiniBatch<Batch> | undefined = await turns.get(task)?.take(epoch);
        yield { batch: withSolutions(task, next?.batch), rows: next?.rows ?? 1, isLast: i === table.tasks.length - 1 };
      }
    },
    async describe() {
      const described: [string, Json][] = [];
      for (const task of table.tasks) {
        const solutions: [string, string][] = [];
        for (const { name, points } of table.methods) solutions.push([name, await fingerprint(points.get(task)!)]);
        described.push([
          task,
          { solutions: Object.fromEntries(solutions), data: (await data?.[task]?.describe()) ?? null },
        ]);
      }
      return Object.fromEntries(described);
    },
  };
}
