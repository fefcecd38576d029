/** Where a model's feed-forward neurons are. */
import { ConfigError } from "@cambium/base";
import type { Site } from "@cambium/core";

/** The feed-forward part of one block. */
export interface FeedForwardSites {
  /** Path of the block. */
  readonly block: string;
  /** What the neurons give, which the last matrix reads. Scores and choices go by its path. */
  readonly act: Site;
  /** The matrices that make the neurons: one, or two where they are gated. */
  readonly up: readonly Site[];
  /** The matrix that reads them. */
  readonly down: Site;
}

/** The feed-forward parts of some blocks, in their order. */
export function feedForwardParts(sites: readonly Site[]): readonly FeedForwardSites[] {
  const blocks = sites.filter(({ kind }) => kind === "block");
  return blocks.map(({ path: block }) => {
    const within = sites.filter(({ path }) => path.startsWith(`${block}.`));
    const [acts, ups, downs] = [["ff.act"], ["ff.up", "ff.gate"], ["ff.down"]].map((roles) =>
      within.filter(({ role }) => roles.includes(role)),
    ) as [Site[], Site[], Site[]];
    if (acts.length !== 1 || ups.length === 0 || downs.length !== 1 || ups.some(({ weight }) => weight === undefined)) {
      throw new ConfigError({
        message: `partialModel: ${block} has ${ups.length} sites of role ff.up or ff.gate, ${acts.length} ff.act and ${downs.length} ff.down, so that its neurons cannot be told apart; only its depth can be cut`,
        block,
      });
    }
    return { block, act: acts[0]!, up: ups, down: downs[0]! };
  });
}
