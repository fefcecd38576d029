/** A model out of its parts: an architecture, a config, a head, and parameters that fit the layout of these. */
import { ConfigError, checkOptions } from "@cambium/base";
import {
  createScope,
  type Flow,
  FORWARD_KEYS,
  type ForwardOptions,
  type Hook,
  type Model,
  type Parameters,
  random,
  type Scope,
} from "@cambium/core";
import { clone, ones, reshape, type Scalar, type Tensor, type Tensor2D, tidy, zeros } from "@tensorflow/tfjs-core";
import type { Architecture, Head, Hidden, ModelConfig, TokenBatch } from "./architecture.ts";
import { checkBatch } from "./check-batch.ts";
import { embeddingHead } from "./embedding/head.ts";
import { type HeadConfig, hasTaskModel, poolOf } from "./head-config.ts";
import { lastRow } from "./heads/rows.ts";
import { joinLayout, type Layout } from "./layout.ts";
import { bareName, fileName } from "./names.ts";

/**
 * What a forward pass returns. The caller owns the tensors. The scores stand under `logits` where the model has a head; their
 * shapes stand at `TokenBatch.labels`.
 */
export type LanguageOutput = Omit<Hidden, "positions"> & {
  readonly logits?: Tensor;
  /** Position of each row in its sequence, int32 `[batch, extra + seq]`, where the pass was given a cache, which reads it. */
  readonly positions?: Tensor2D;
};

/** A model of any architecture, with or without a head. */
export interface LanguageModel<Config extends ModelConfig = ModelConfig, Top extends HeadConfig = HeadConfig>
  extends Model<TokenBatch, LanguageOutput, Config> {
  readonly architecture: Architecture;
  readonly head?: Top;
  /** Every parameter, before any value: what counting and files read. */
  readonly layout: Layout;
  /** What training the head means: its own parameters, and those below it that the file lacked. */
  readonly headParameters: readonly string[];
  /** Parameters that were asked for, that the file lacks, and that are random therefore. */
  readonly created: readonly string[];
  /** Names in the file that this model does not use, such as other heads. */
  readonly unused: readonly string[];
  /** Whether it is a model seen in part, by `viewModel`: its config is the whole model's. */
  readonly isView?: true;
  /** By what Python finds the weights: the path or the name that they were loaded by. Absent where no file has them. */
  readonly source?: string;
  /** Whether a parameter or a module belongs to the body rather than to the head. */
  isBody(name: string): boolean;
  /** What transformers calls a parameter or module of this model: with the task model's prefix where there is a head. */
  fileName(name: string): string;
}

/** What a model is made of. */
export interface ModelParts<Config extends ModelConfig> {
  readonly architecture: Architecture;
  readonly config: Config;
  readonly head: HeadConfig | undefined;
  readonly layout: Layout;
  /** Names and shapes are the layout's; order does not matter. */
  readonly parameters: Parameters;
  readonly created?: readonly string[];
  readonly unused?: readonly string[];
  readonly source?: string | undefined;
  /** Hooks of every pass, outside of all others. @default none */
  readonly outermost?: readonly Hook[];
}

/** What a head computes; embeddings are made the same way on every body that is one stack. */
function headOf(architecture: Architecture, config: ModelConfig, head: HeadConfig): Head<ModelConfig> | undefined {
  if (head.kind !== "embedding") return architecture.heads[head.kind];
  if (architecture.batch === "source+target") return undefined;
  const words = joinLayout(architecture.layout(config)).sites.find(({ kind }) => kind === "embed")!;
  return embeddingHead(words.width);
}

/**
 * A head as an architecture has it: what it reads is left out where that is the default.
 *
 * @throws {ConfigError} When the architecture has no such head, or none that reads what it asks for; names those that it has.
 */
export function pooledHead(architecture: Architecture, config: ModelConfig, head: HeadConfig): HeadConfig {
  const kind = headOf(architecture, config, head);
  if (kind === undefined) {
    throw new ConfigError({
      message: `a ${config.model_type} has no head of kind "${head.kind}"; it has ${Object.keys(architecture.heads).join(", ")}`,
      kind: head.kind,
    });
  }
  const pool = poolOf(head);
  if (pool === undefined) return head;
  const [usual, ...others] = kind.pools ?? [];
  if (pool !== usual) {
    if (others.includes(pool)) return head;
    throw new ConfigError({
      message: `a ${config.model_type}'s ${head.kind} head cannot read "${pool}"; it reads ${kind.pools?.join(", ") ?? "every token"}`,
      pool,
    });
  }
  return Object.fromEntries(Object.entries(head).filter(([key]) => key !== "pool")) as HeadConfig;
}

/** The layout of a model with a head that `pooledHead` gave. */
export function layoutOf(architecture: Architecture, config: ModelConfig, head: HeadConfig | undefined): Layout {
  const body = architecture.layout(config, hasTaskModel(head) ? head : undefined);
  if (head === undefined) return joinLayout(body);
  return joinLayout([...body, ...headOf(architecture, config, head)!.layout(config, head)]);
}

/** Whether names belong to the body: parameters, and modules that lead to them. */
function bodyTest(architecture: Architecture, config: ModelConfig, layout: Layout): (name: string) => boolean {
  const body = joinLayout(architecture.layout(config));
  const bodySites = new Set(body.sites.map(({ kind, path }) => `${kind}:${path}`));
  const { wrapper } = architecture;
  const own = [...layout.parameters.keys()].filter((name) => !body.parameters.has(name));
  const heads = layout.sites.filter(({ kind, path }) => !bodySites.has(`${kind}:${path}`)).map(({ path }) => path);
  const rootOf = (name: string): string => bareName(wrapper, name).split(".")[0]!;
  const inHead = new Set([...own, ...heads].map(rootOf));
  const inBody = new Set([...body.parameters.keys(), ...body.sites.map(({ path }) => path)].map(rootOf));
  return (name) => inBody.has(rootOf(name)) && !inHead.has(rootOf(name));
}

/** Joins checked parts to a model. */
export function assembleModel<Config extends ModelConfig, Top extends HeadConfig>(
  parts: ModelParts<Config>,
): LanguageModel<Config, Top> {
  const { architecture, config, head, layout, parameters, created = [], unused = [], source, outermost = [] } = parts;
  const { sites } = layout;
  const isBody = bodyTest(architecture, config, layout);
  const headed = head === undefined ? undefined : headOf(architecture, config, head)!;

  /** The row that the head reads, where nobody else reads any and it is one of each sequence. */
  const readByHead =
    head !== undefined && (poolOf(head) ?? headed!.pools?.[0]) === "first" ? ("first" as const) : undefined;

  /** The body's pass, and the scope of what comes on top. */
  function runBody(
    batch: TokenBatch,
    options: ForwardOptions,
    read?: "first",
  ): { readonly scope: Scope; readonly hidden: Hidden } {
    checkOptions("forward", options, FORWARD_KEYS);
    checkBatch(batch, { architecture, config });
    const { training = false, cache } = options;
    const hooks = [...(options.hooks ?? []), ...outermost];
    if (training && options.random === undefined) {
      throw new ConfigError({ message: "forward: training needs randomness for dropout; pass random: random(seed)" });
    }
    const scope = createScope(options.parameters ?? parameters, {
      hooks,
      training,
      random: options.random ?? random(0),
      sites,
      cache,
      rows: batch.rows,
    });
    return { scope, hidden: architecture.forward(scope, config, batch, read) };
  }

  const scoresOf = (top: Head<ModelConfig>, scope: Scope, hidden: Hidden, batch: TokenBatch): Tensor =>
    scope.call("logits", "logits", top.forward(scope, config, hidden, batch, head!), (x) => x);

  /** What a head reads that scores the next word, where it is asked of the last row only. */
  function lastOf(whole: Hidden): Hidden {
    if (head?.kind !== "causal-lm" && head?.kind !== "sequence-to-sequence") {
      throw new ConfigError({
        message: `forward: lastOnly is for heads that score the next word, and this model has ${head === undefined ? "none" : `one of kind "${head.kind}"`}`,
      });
    }
    const [batch, , dModel] = whole.hidden.shape;
    const hidden = reshape(lastRow(whole), [batch, 1, dModel]) as Hidden["hidden"];
    return { ...whole, hidden, mask: ones([batch, 1]), extra: 0 };
  }

  function forward(batch: TokenBatch, options: ForwardOptions = {}): LanguageOutput {
    return tidy(() => {
      const { cache, lastOnly = false, scoresOnly = false } = options;
      if (scoresOnly && headed === undefined) {
        throw new ConfigError({ message: "forward: scoresOnly is for models with a head, and this one has none" });
      }
      const { scope, hidden } = runBody(batch, options, scoresOnly ? readByHead : undefined);
      const { positions, ...rest } = hidden;
      const read = lastOnly ? lastOf(hidden) : hidden;
      const scores = headed === undefined ? {} : { logits: scoresOf(headed, scope, read, batch) };
      // What is the batch's or the cache's must not be the caller's to dispose of.
      return {
        ...rest,
        ...(cache !== undefined && { positions: clone(positions) }),
        ...scores,
        mask: clone(hidden.mask),
        ...(hidden.encoded !== undefined && { encoded: clone(hidden.encoded) }),
        ...(hidden.encodedMask !== undefined && { encodedMask: clone(hidden.encodedMask) }),
      };
    });
  }

  /** Rows that hooks put in front of any words. */
  function rowsInFront(hooks: ForwardOptions["hooks"] = []): number {
    const site = sites.find(({ kind }) => kind === "embed");
    if (site === undefined || !hooks.some(({ kind }) => kind === "embed")) return 0;
    let rows = 0;
    tidy(() => {
      const scope = createScope(parameters, { hooks, training: false, random: random(0), sites });
      const word = { ids: zeros([1, 1], "int32"), mask: ones([1, 1]), positions: zeros([1, 1], "int32") };
      rows = scope.call("embed", site.path, word as Flow["embed"]["input"], (input) => ({
        ...input,
        x: zeros([1, 1, site.width]),
        extra: 0,
      })).extra;
    });
    return rows;
  }

  return {
    architecture,
    config,
    ...(source !== undefined && { source }),
    layout,
    parameters,
    created,
    unused,
    headParameters: [...parameters.keys()].filter((name) => !isBody(name) || created.includes(name)),
    isBody,
    fileName: (name) => fileName({ wrapper: architecture.wrapper, kind: head?.kind, isBody }, name, hasTaskModel(head)),
    sites: () => sites,
    forward,
    ...(headed !== undefined && {
      head: head as Top,
      loss: (batch: TokenBatch, options: ForwardOptions = {}): Scalar =>
        tidy(() => {
          const { scope, hidden } = runBody(batch, options, readByHead);
          // Parameters that stand in for the model's are mostly those that a gradient is asked of, the head's among them.
          const atOnce =
            options.parameters === undefined ? headed.lossAtOnce?.(scope, config, hidden, batch) : undefined;
          return atOnce ?? headed.loss(scoresOf(headed, scope, hidden, batch), batch, head!);
        }),
      weight(batch: TokenBatch, options: Pick<ForwardOptions, "hooks"> = {}): number {
        checkOptions("weight", options, ["hooks"]);
        return headed.weight(batch, rowsInFront(options.hooks), head!);
      },
    }),
  };
}
