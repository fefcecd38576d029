import { ConfigError, checkOptions } from "@cambium/base";
import { around } from "@cambium/core";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import type { Batches } from "@cambium/train";
import {
  dispose,
  div,
  keep,
  maximum,
  mul,
  norm,
  scalar,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  tidy,
} from "@tensorflow/tfjs-core";
import { rowMask } from "./row-mask.ts";
import type { Scorable } from "./score-neurons.ts";

/** Settings of `measureBlockInfluence`. */
export interface MeasureBlockInfluenceOptions {
  /** Most examples that are read; whole batches are. @default 1000 */
  readonly examples?: number;
}

/**
 * How much each block turns what it reads: 1 − cos(h_in, h_out), a mean over real rows, from 0 to 2. For `layerScores`.
 *
 * @returns One number for each block, all of the encoder's first.
 * @see Men et al. 2024, ShortGPT, arXiv:2403.03853, equation 1.
 * @example
 * partial(tuned, { depth: 0.5, strategy: "score", layerScores: await measureBlockInfluence(tuned, data) });
 */
export async function measureBlockInfluence(
  model: Scorable,
  data: Batches<TokenBatch>,
  options: MeasureBlockInfluenceOptions = {},
): Promise<readonly number[]> {
  checkOptions("measureBlockInfluence", options, ["examples"]);
  const { examples = 1000 } = options;
  if (!Number.isInteger(examples) || examples < 1)
    throw new ConfigError({
      message: `measureBlockInfluence: examples must be a whole number of at least 1, got ${examples}`,
    });
  const runner = model as unknown as LanguageModel;
  const blocks = runner.sites().filter(({ kind }) => kind === "block");
  const totals = blocks.map(() => ({ turned: 0, rows: 0 }));
  let read = 0;
  for await (const { batch, rows } of data.epoch(0)) {
    const cosines = new Map<string, Tensor2D>();
    const seeing = around(
      "block",
      () => true,
      ({ site, input, next }) => {
        const out = next(input);
        const lengths = maximum(mul(norm(input, "euclidean", 2), norm(out, "euclidean", 2)), scalar(1e-12));
        cosines.set(site.path, keep(div(sum(mul(input, out), 2), lengths)) as Tensor2D);
        return out;
      },
    );
    const sums = tidy(() => {
      const output = runner.forward(batch, { hooks: [seeing] });
      return blocks.map((block) => {
        const mask = rowMask(block, batch, output);
        return [keep(sum(mul(sub(scalar(1), cosines.get(block.path)!), mask))), keep(sum(mask))] as const;
      });
    });
    for (const [i, [turned, counted]] of sums.entries()) {
      totals[i]!.turned += (await turned.data())[0]!;
      totals[i]!.rows += (await counted.data())[0]!;
    }
    dispose([...sums.flat(), ...cosines.values()]);
    dispose(batch as unknown as Record<string, Tensor>);
    read += rows;
    if (read >= examples) break;
  }
  if (read === 0) throw new ConfigError({ message: "measureBlockInfluence: the data has no rows" });
  return totals.map(({ turned, rows }) => turned / rows);
}
