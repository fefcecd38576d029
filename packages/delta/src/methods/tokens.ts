import { ConfigError, parseConfig } from "@cambium/base";
import { editWeight, lookUp, onWeight, type Parameters } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { add, sub, type Tensor, type Tensor1D, type Tensor2D, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { matchPeftTargets } from "../files/peft-targets.ts";
import { type Host, hostOf, tablesOf } from "../host.ts";
import { type DeltaTensor, type SeedlessMethod, seedlessMethod } from "../method.ts";
import { tidyParameters } from "../trees.ts";

/** Settings of `tokens`. */
export interface TokensOptions {
  /** Ids of the tokens, each once. */
  readonly ids: readonly number[];
}

/** Trained tokens as JSON. */
export interface TokensConfig {
  readonly ids: readonly number[];
}

const id = z.int().nonnegative();
const schema = z.strictObject({ ids: z.array(id).readonly().default([]) });
const fields = z.looseObject({
  token_indices: z.array(id).min(1).readonly(),
  target_modules: z.union([z.string(), z.array(z.string()).readonly()]).nullish(),
});

const end = ".trainable_tokens_delta";

/** PEFT's `TRAINABLE_TOKENS`, on the table of word embeddings. Where the head or a second stack shares it, PEFT follows. */
const format: PeftFormat<TokensOptions, TokensConfig> = {
  type: "TRAINABLE_TOKENS",
  read(source) {
    const { token_indices: ids, target_modules: targets } = source.fields(fields);
    const name = source.theirName(modulePath(source.base));
    const isTable = targets == null || matchPeftTargets([name], { target_modules: targets }).matched.length > 0;
    const problems = isTable ? [] : [`the targets ${JSON.stringify(targets)} are not the table of word embeddings`];
    return { problems, options: { ids } };
  },
  write({ config, parameters }, base) {
    const table = tableOf(hostOf(base));
    const head = base.sites().find(({ role }) => role === "head");
    if (base.architecture.types.includes("t5") && head !== undefined && head.weight?.name !== table)
      return {
        reason:
          "transformers calls every head of T5 tied to the table of words, so that PEFT would change this one, which is not",
      };
    return {
      fields: {
        target_modules: [modulePath(base).split(".").at(-1)!],
        token_indices: config.ids,
        init_weights: true,
        modules_to_save: undefined,
      },
      more: new Map(copiesOf(base).map((path) => [`${path}.weight.rows`, parameters.get(`${table}.rows`)!.clone()])),
    };
  },
  keys: {
    write: (name, wrap) => wrap(name.replace(/\.weight\.rows$/, end)),
    read(key, base) {
      const name = key.replace(/\.trainable_tokens_delta(\.[^.]+)?$/, end);
      const path = name.endsWith(end) ? name.slice(0, -end.length) : undefined;
      if (path !== undefined && copiesOf(base).includes(path)) return undefined;
      return path === undefined ? name : `${path}.weight.rows`;
    },
  },
};

/** Other modules that read the same table, for which PEFT writes the rows once more. */
function copiesOf(base: LanguageModel): readonly string[] {
  const table = tableOf(hostOf(base));
  const readers = base.sites().filter(({ weight, part }) => weight?.name === table && part === undefined);
  return readers.map(({ path }) => path).filter((path) => path !== modulePath(base));
}

function modulePath(base: LanguageModel): string {
  return tableOf(hostOf(base)).replace(/\.weight$/, "");
}

/**
 * Trains the embeddings of some tokens, such as those that were added for a task, from where they are. So the model is unchanged until
 * the first step. Where the head or a second stack reads the same table, they see the change too, as in PEFT.
 *
 * Trains `ids.length · dModel` scalars, and keeps no others. Merging writes the rows into the table. On another base it is what
 * training changed, added to that base's rows.
 *
 * @throws {ConfigError} For ids that the model does not know or that are named twice, and for a model without word embeddings.
 * @example
 * const tuned = attach(base, tokens(base, { ids: [30522, 30523] }), lora(base, {}, random(1)), head(base));
 */
export const tokens: SeedlessMethod<TokensOptions, TokensConfig> = seedlessMethod<TokensOptions, TokensConfig>({
  kind: "tokens",
  parse(options, shape) {
    const { ids } = parseConfig("tokens", schema, options);
    if (ids.length === 0)
      throw new ConfigError({ message: "tokens: give the ids of the tokens to train, such as { ids: [5] }" });
    const [vocab] = shape.tensors.get(tableOf(shape))!.shape as [number];
    const wrong = ids.find((each, i) => each >= vocab || ids.indexOf(each) !== i);
    if (wrong === undefined) return { ids };
    throw new ConfigError({
      message: `tokens: the id ${wrong} is ${wrong >= vocab ? `none of the ${vocab} that the model knows` : "named twice"}`,
      id: wrong,
    });
  },
  tensors(shape, { ids }) {
    const name = tableOf(shape);
    const [vocab, width] = shape.tensors.get(name)!.shape as [number, number];
    const given = (what: string, sizes: readonly number[], make: () => Tensor): [string, DeltaTensor] => [
      `${name}.rows.${what}`,
      { shape: sizes, dtype: "int32", start: { kind: "given", make }, isStored: false },
    ];
    return {
      trained: new Map<string, DeltaTensor>([
        [
          `${name}.rows`,
          {
            shape: [ids.length, width],
            start: { kind: "weights", names: [name], make: (weights) => rowsOf(weights.get(name)!, ids) },
          },
        ],
      ]),
      frozen: new Map([
        given("index", [ids.length], () => tensor1d([...ids], "int32")),
        given("slots", [vocab, 1], () => {
          const slots = new Int32Array(vocab).fill(ids.length);
          for (const [slot, each] of ids.entries()) slots[each] = slot;
          return tensor2d(slots, [vocab, 1], "int32");
        }),
      ]),
    };
  },
  hooks: ({ parameters, buffers, shape }) => [
    onWeight(
      (name) => name === tableOf(shape),
      (name, table) =>
        replaceRows(
          table,
          parameters.get(`${name}.rows`)!,
          buffers.get(`${name}.rows.index`)!,
          buffers.get(`${name}.rows.slots`)!,
        ),
    ),
  ],
  merge: (base, { parameters, buffers, shape }) =>
    tidyParameters(() => {
      const name = tableOf(shape);
      const [rows, index, slots] = ["", ".index", ".slots"].map(
        (what) => parameters.get(`${name}.rows${what}`) ?? buffers.get(`${name}.rows${what}`)!,
      ) as [Tensor, Tensor, Tensor];
      return new Map([[name, replaceRows(base.get(name)!, rows, index, slots).clone()]]);
    }),
  rebase: ({ parameters, shape, config }, from, to) =>
    tidyParameters(() => {
      const name = tableOf(shape);
      const rows = (weights: Parameters): Tensor => rowsOf(weights.get(name)!, config.ids);
      return new Map([[`${name}.rows`, add(sub(parameters.get(`${name}.rows`)!, rows(from)), rows(to))]]);
    }),
  peft: format,
});

/** Name of the table of word embeddings. */
function tableOf(shape: Host): string {
  const [name] = tablesOf(shape.sites());
  if (name !== undefined) return name;
  throw new ConfigError({ message: "tokens: the model has no word embeddings" });
}

function rowsOf(table: Tensor, ids: readonly number[]): Tensor {
  return lookUp(table, tensor1d([...ids], "int32"));
}

/** A table with other rows in the place of some. */
function replaceRows(table: Tensor, rows: Tensor, index: Tensor, slots: Tensor): Tensor {
  const values = sub(rows, lookUp(table, index));
  return editWeight(table, { values, index: index as Tensor1D, by: "rows", slots: slots as Tensor2D });
}
