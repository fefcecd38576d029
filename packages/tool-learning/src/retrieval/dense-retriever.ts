import { ConfigError, parseConfig, ShapeError } from "@cambium/base";
import * as z from "zod";
import type { AnyTool } from "../tools/tool.ts";
import { addGroups, groupsOf } from "./groups.ts";
import { namesOf } from "./lexical-retriever.ts";
import { keepHigher, needsOf } from "./needs.ts";
import { rank, type ScoringRetriever } from "./ranking.ts";
import { documentOf, type ToolDocument, textOfTool } from "./tool-document.ts";

/** Makes the vectors of texts, all of one length. */
export type EmbedTexts = (
  texts: readonly string[],
) => Promise<readonly ArrayLike<number>[]> | readonly ArrayLike<number>[];

/** An embedding model of the AI SDK, as far as retrieval needs it. */
export interface AiSdkEmbeddingModel {
  readonly modelId: string;
  readonly maxEmbeddingsPerCall?: number | undefined | PromiseLike<number | undefined>;
  /** One vector for each value. */
  doEmbed(options: { values: string[] }): PromiseLike<{ embeddings: number[][] }>;
}

/** Settings of `denseRetriever`. */
export interface DenseRetrieverOptions {
  /** Makes vectors: a function, such as one over `embed` of `@cambium/models`, or an embedding model of the AI SDK. */
  readonly embed: EmbedTexts | AiSdkEmbeddingModel;
  /** Texts that are embedded at once. @default 64 */
  readonly batch?: number;
  /** How much the best single sentence of a request counts beside the whole of it; sentences are embedded too. @default 1 */
  readonly sentence?: number;
  /** How much the best tool of a group adds to the others of it. @default 0.5 */
  readonly group?: number;
}

const isEmbed = (value: unknown): boolean =>
  typeof value === "function" || typeof (value as AiSdkEmbeddingModel | undefined)?.doEmbed === "function";

const schema = z.strictObject({
  embed: z.custom<DenseRetrieverOptions["embed"]>(isEmbed, "must be a function, or an embedding model of the AI SDK"),
  batch: z.int().positive().optional(),
  sentence: z.number().min(0).max(100).optional(),
  group: z.number().min(0).max(100).optional(),
});

/** A vector of length one. */
function unit(caller: string, vector: ArrayLike<number>, length: number | undefined): Float32Array {
  if (vector.length === 0 || (length !== undefined && vector.length !== length)) {
    throw new ShapeError({
      message: `${caller}: vectors must be of one length, got ${vector.length} and ${length ?? "none"}`,
    });
  }
  const values = Float32Array.from(vector);
  let square = 0;
  for (const value of values) square += value * value;
  if (!Number.isFinite(square)) throw new ShapeError({ message: `${caller}: a vector has a number that is none` });
  const norm = Math.sqrt(square);
  return norm === 0 ? values : values.map((value) => value / norm);
}

/**
 * Finds tools by meaning: the cosine between the vectors of a request and of a tool's text, to which come that of the request's
 * best sentence and a part of that of the best tool of the same service. Tools are embedded once, here.
 *
 * @throws {ShapeError} When vectors differ in length or are not finite.
 * @throws {ConfigError} When two tools have one name, or the model gives fewer vectors than texts.
 * @example
 * const retriever = await denseRetriever(tools, { embed: (texts) => embed(model, tokenizer, texts, { pooling: "mean" }) });
 */
export async function denseRetriever(
  tools: Iterable<AnyTool | ToolDocument>,
  options: DenseRetrieverOptions,
): Promise<ScoringRetriever> {
  parseConfig("denseRetriever", schema, options);
  const { embed, batch = 64, sentence = 1, group = 0.5 } = options;
  const documents = Array.from(tools, documentOf);
  const names = namesOf("denseRetriever", documents);

  async function vectorsOf(texts: readonly string[]): Promise<readonly ArrayLike<number>[]> {
    const vectors =
      typeof embed === "function" ? await embed(texts) : (await embed.doEmbed({ values: [...texts] })).embeddings;
    if (vectors.length === texts.length) return vectors;
    throw new ConfigError({
      message: `denseRetriever: embed gave ${vectors.length} vectors for ${texts.length} texts`,
    });
  }

  const most = typeof embed === "function" ? undefined : await embed.maxEmbeddingsPerCall;
  const size = Math.min(batch, most ?? batch);
  let width: number | undefined;
  let table = new Float32Array(0);
  for (let from = 0; from < documents.length; from += size) {
    const vectors = await vectorsOf(documents.slice(from, from + size).map(textOfTool));
    for (const [i, vector] of vectors.entries()) {
      const values = unit("denseRetriever", vector, width);
      if (width === undefined) {
        width = values.length;
        table = new Float32Array(documents.length * width);
      }
      table.set(values, (from + i) * width);
    }
  }

  const groups = groupsOf(documents);

  /** The cosine of each tool's vector with one. */
  function cosines(vector: ArrayLike<number>, length: number): Float64Array {
    const values = unit("denseRetriever", vector, length);
    const scores = new Float64Array(documents.length);
    for (let row = 0; row < scores.length; row++) {
      let sum = 0;
      for (let i = 0, at = row * length; i < length; i++, at++) sum += table[at]! * values[i]!;
      scores[row] = sum;
    }
    return scores;
  }

  async function scoresOf(query: string): Promise<Float64Array> {
    if (width === undefined) return new Float64Array(documents.length);
    const needs = sentence > 0 ? needsOf(query) : [];
    const [whole, ...parts] = await vectorsOf([query, ...needs.filter((need) => need !== query)]);
    const scores = cosines(whole!, width);
    if (sentence > 0) {
      const best = parts.length === 0 ? scores.slice() : new Float64Array(scores.length).fill(-1);
      for (const part of parts) keepHigher(best, cosines(part, width));
      for (let i = 0; i < best.length; i++) scores[i]! += sentence * best[i]!;
    }
    addGroups(groups, scores, group);
    return scores;
  }

  return {
    name: "dense",
    names,
    scores: scoresOf,
    search: async (query, settings = {}) => rank(names, await scoresOf(query), settings),
  };
}
