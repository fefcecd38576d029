/** Settings of `fitSubspace`, and their checks. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { Batches, TrainOptions } from "@cambium/train";
import { checkDimension, type Filtered } from "../projection/projection.ts";
import { type Activation, checkActivation, checkDecoder, type DecoderKind, type DecoderSettings } from "./networks.ts";

/** Training of the projections: options of `train` that make sense here. */
type Training = Pick<TrainOptions, "optimiser" | "steps" | "clipNorm" | "checkpoint" | "signal">;

/** Settings of `fitSubspace`. */
export interface FitSubspaceOptions<Batch> extends Partial<Training>, Filtered {
  /** Coordinates, d. */
  readonly dimension: number;
  /**
   * Batches of each task, for the loss of its decoded points. Without them the projections only reconstruct the solutions, each
   * method from the mixture of all. @default none
   */
  readonly data?: Readonly<Record<string, Batches<Batch>>>;
  /** Weight of the reconstruction, λ. @default 0.1 for one task, 10 for several, as in the authors' code */
  readonly reconstruction?: number;
  /** What is reconstructed: the length of the difference, or its mean square. @default "length" */
  readonly measure?: "length" | "mean-square";
  /**
   * Where the point that all methods decode lies between theirs: `paper` draws the first weight from [0, 1], the second from what is
   * left, and so on; `dirichlet` draws them evenly; `none` lets every method decode its own. @default "paper"
   */
  readonly mixing?: "paper" | "dirichlet" | "none";
  /** What the encoders bend with. @default "tanh" */
  readonly encoder?: Activation;
  /** Decoders, of all methods or by method. @default linear */
  readonly decoder?: DecoderKind | DecoderSettings | Readonly<Record<string, DecoderKind | DecoderSettings>>;
  /**
   * Where linear projections start: at the singular vectors of all solutions together, which without any training is the best
   * linear subspace for reconstruction; or at random, normal with deviation 0.02. @default "svd"
   */
  readonly start?: "svd" | "random";
  /** Draws starts and mixtures. @default random(0) */
  readonly random?: Random;
}

const KEYS = [
  ...["dimension", "data", "reconstruction", "measure", "mixing", "encoder", "decoder", "start", "random", "only"],
  ...["optimiser", "steps", "clipNorm", "checkpoint", "signal"],
] as readonly (keyof FitSubspaceOptions<never>)[];

function oneOf(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value))
    throw new ConfigError({
      message: `fitSubspace: ${name} must be ${known.join(", ")}, got ${JSON.stringify(value)}`,
    });
}

/** Checks options that do not depend on the solutions. */
export function checkFitOptions<Batch>(options: FitSubspaceOptions<Batch>): void {
  checkOptions("fitSubspace", options, KEYS);
  const {
    dimension,
    data,
    reconstruction = 1,
    measure = "length",
    mixing = "paper",
    encoder = "tanh",
    start = "svd",
  } = options;
  checkDimension("fitSubspace", dimension);
  oneOf("measure", measure, ["length", "mean-square"]);
  oneOf("mixing", mixing, ["paper", "dirichlet", "none"]);
  oneOf("start", start, ["svd", "random"]);
  checkActivation("fitSubspace", encoder);
  if (!(reconstruction >= 0 && Number.isFinite(reconstruction)))
    throw new ConfigError({ message: `fitSubspace: reconstruction must be at least 0, got ${reconstruction}` });
  const { steps, optimiser } = options;
  if (reconstruction === 0 && steps !== undefined && data === undefined)
    throw new ConfigError({
      message: "fitSubspace: with a reconstruction of 0 and no data there is nothing to learn; give data",
    });
  if ((steps === undefined) !== (optimiser === undefined))
    throw new ConfigError({
      message: `fitSubspace: "steps" and "optimiser" belong together; ${steps === undefined ? '"steps"' : '"optimiser"'} is missing`,
    });
  if (steps !== undefined) return;
  const idle = (["data", "reconstruction", "measure", "mixing", "encoder", "clipNorm", "checkpoint"] as const).filter(
    (key) => options[key] !== undefined,
  );
  if (idle.length > 0)
    throw new ConfigError({
      message: `fitSubspace: without "steps" nothing is trained, so ${idle.map((key) => `"${key}"`).join(", ")} would do nothing`,
    });
  if (start === "random")
    throw new ConfigError({ message: 'fitSubspace: without "steps" a random start is no fit; take randomSubspace' });
  if (data !== undefined) throw new ConfigError({ message: "internal: data without steps" });
}

/** The decoder of a method. */
export function decoderOf<Batch>(
  { decoder = "linear" }: FitSubspaceOptions<Batch>,
  method: string,
  methods: readonly string[],
): DecoderSettings {
  const toSettings = (given: DecoderKind | DecoderSettings): DecoderSettings => {
    const settings = typeof given === "string" ? { kind: given } : given;
    checkDecoder("fitSubspace", settings);
    return settings;
  };
  if (typeof decoder === "string" || "kind" in decoder) return toSettings(decoder as DecoderKind | DecoderSettings);
  const byMethod = decoder as Readonly<Record<string, DecoderKind | DecoderSettings>>;
  const unknown = Object.keys(byMethod).find((name) => !methods.includes(name));
  if (unknown !== undefined)
    throw new ConfigError({
      message: `fitSubspace: "decoder" names the method "${unknown}"; the solutions are by ${methods.join(", ")}`,
    });
  return toSettings(byMethod[method] ?? "linear");
}
