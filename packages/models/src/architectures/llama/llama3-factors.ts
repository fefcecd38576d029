/**
 * The `llama3` scaling of rotary positions from its effect. Files hold no settings of it but the number that divides each
 * frequency: 1 for the high ones, `factor` for the low ones, and between them what a straight line over the frequency gives.
 */

/** Settings of the scaling. */
export interface Llama3Scaling {
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/**
 * What divides each frequency `θ^(−2i / dHead)`.
 *
 * @see Meta's code of Llama 3.1, `apply_scaling`.
 */
export function llama3Factors(scaling: Llama3Scaling, theta: number, dHead: number): number[] {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context } = scaling;
  return turnsOf(context, theta, dHead).map((turns) => {
    const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return 1 / (kept + (1 - kept) / factor);
  });
}

/** How often each pair of columns turns within the positions that a model was trained for before. */
function turnsOf(context: number, theta: number, dHead: number): number[] {
  return Array.from({ length: dHead / 2 }, (_, i) => (context * theta ** ((-2 * i) / dHead)) / (2 * Math.PI));
}

/** Meta's own settings, and the positions that LLaMA 3 was trained for. */
const usual = { low_freq_factor: 1, high_freq_factor: 4 } as const;
const CONTEXT = 8192;

/** Factors are stored in single precision; those that settings give must agree to this part of them. */
const AGREES = 1e-5;

/**
 * Settings that give these factors, Meta's own where they do; `undefined` where none do. Those that only differ in what no
 * frequency of this model shows are as good as each other.
 *
 * @param context - Positions that the model was trained for before, where the file says so. Twice as many with twice the
 *   other two settings is the same. @default 8192
 */
export function llama3Scaling(
  factors: readonly number[],
  theta: number,
  dHead: number,
  context: number = CONTEXT,
): Llama3Scaling | undefined {
  if (factors.length !== dHead / 2) return undefined;
  const factor = Number(Math.max(...factors).toPrecision(7));
  const gives = (low: number, high: number): Llama3Scaling | undefined => {
    if (!(low > 0 && high > low)) return undefined;
    const scaling = { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context };
    const made = llama3Factors(scaling, theta, dHead);
    return factors.every((given, i) => Math.abs(made[i]! - given) <= AGREES * given) ? scaling : undefined;
  };
  return (
    gives(usual.low_freq_factor, usual.high_freq_factor) ??
    gives(...fitted(factors, factor, turnsOf(context, theta, dHead)))
  );
}

/** The two ends of the line, from the frequencies on it, or from those beside it where fewer than two are. */
function fitted(factors: readonly number[], factor: number, turns: readonly number[]): [low: number, high: number] {
  const kept = factors.map((given) => (1 / given - 1 / factor) / (1 - 1 / factor));
  const isBetween = (i: number): boolean => kept[i]! > 1e-6 && kept[i]! < 1 - 1e-6;
  const between = kept.flatMap((_, i) => (isBetween(i) ? [i] : []));
  const [first, last] = [between[0], between.at(-1)];
  if (first !== undefined && last !== undefined && first !== last) {
    const slope = (kept[first]! - kept[last]!) / (turns[first]! - turns[last]!);
    const low = turns[first]! - kept[first]! / slope;
    return [low, low + 1 / slope];
  }
  const firstDivided = kept.findIndex((share) => share <= 1e-6);
  const above = turns[(first ?? firstDivided) - 1] ?? Number.POSITIVE_INFINITY; // the last that is kept
  const below = turns[firstDivided] ?? 0; // the first that is divided
  if (first === undefined) return [below + (above - below) / 3, above - (above - below) / 3];
  // The line passes through one point: its upper end must not lie above the frequency that is kept.
  const [turn, share] = [turns[first]!, kept[first]!];
  const least = Math.max(below, (turn - share * above) / (1 - share));
  const low = (least + turn) / 2;
  return [low, low + (turn - low) / share];
}
