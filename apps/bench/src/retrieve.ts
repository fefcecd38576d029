/**
 * Retrieval of tools: `pnpm bench:retrieve --data <folder> [--model <folder> [--tune <epochs>]]` prints NDCG and recall in percent, and
 * the time of a query.
 *
 * The folder holds `apis.jsonl` (`id`, `tool`, `category`, `name`, `description`, `required`, `optional`) and `queries.jsonl`
 * (`group`, `query`, `relevant`), as made from StableToolBench's solvable queries. With an embedding model the dense and the fused
 * ranking are measured too: the weight of the fusion is fitted on the even rows, and everything dense is measured on the odd ones. With
 * `--tune` once more after the model was tuned on three of four even rows, with the weight fitted on the fourth.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { random, useBackend } from "@cambium/core";
import { attach, lora, merge } from "@cambium/delta";
import { collate, embed, type LanguageModel, loadModel, loadTokenizer, type Tokenizer } from "@cambium/models";
import {
  denseRetriever,
  fitWeight,
  fusedRetriever,
  lexicalRetriever,
  measureRetrieval,
  type RetrievalRow,
  type Retriever,
  type ToolDocument,
} from "@cambium/tool-learning";
import { adamW, batches, linear, train } from "@cambium/train";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";

type EmbeddingModel = Parameters<typeof embed>[0];

const text = { type: "string" } as const;
const {
  data,
  model: folder,
  tune: epochs = "0",
} = parseFlags({ options: { data: text, model: text, tune: text } }).values;
const EPOCHS = Number(epochs);
if (!Number.isInteger(EPOCHS) || EPOCHS < 0)
  throw new Error(`bench:retrieve: --tune is a number of epochs, got "${epochs}"`);
if (data === undefined) throw new Error("bench:retrieve needs --data, a folder with apis.jsonl and queries.jsonl");

interface Parameter {
  readonly name: string;
  readonly description?: string;
}

interface Api {
  readonly id: string;
  readonly tool: string;
  readonly category: string;
  readonly name: string;
  readonly description?: string;
  readonly required: readonly Parameter[];
  readonly optional: readonly Parameter[];
}

type Query = RetrievalRow & { readonly group: string };

const readLines = <T>(name: string): readonly T[] =>
  readFileSync(join(data, name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

/** An API as a document. */
const documentOf = ({ id, tool, category, name, description = "", required, optional }: Api): ToolDocument => ({
  name: id,
  title: name,
  group: tool,
  category,
  description,
  parameters: [...required, ...optional],
});

const percent = (value: number): string => (100 * value).toFixed(1).padStart(5);

async function show(title: string, retriever: Retriever, rows: readonly RetrievalRow[]): Promise<void> {
  const { ndcgAt1, ndcgAt5, recallAt5, recallAt20 } = await measureRetrieval(retriever, rows);
  const figures = [ndcgAt1, ndcgAt5, recallAt5, recallAt20].map(percent).join(" ");
  console.log(`${title.padEnd(34)} ${String(rows.length).padStart(4)} rows  ${figures}`);
}

async function time(retriever: Retriever, rows: readonly RetrievalRow[]): Promise<void> {
  const times: number[] = [];
  for (const { query } of rows) {
    const start = performance.now();
    await retriever.search(query, { count: 20 });
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => times[Math.floor(part * (times.length - 1))]!.toFixed(3);
  console.log(`${retriever.name}: median ${at(0.5)} ms a query, p99 ${at(0.99)} ms`);
}

const documents = readLines<Api>("apis.jsonl").map(documentOf);
const queries = readLines<Query>("queries.jsonl");
const even = queries.filter((_, i) => i % 2 === 0);
const odd = queries.filter((_, i) => i % 2 === 1);

console.log(JSON.stringify(describeMachine("retrieve")));
console.log(`${documents.length} tools; columns: NDCG@1, NDCG@5, recall@5, recall@20, percent`);
const lexical = lexicalRetriever(documents);
await show("lexical, all", lexical, queries);
for (const group of ["G1", "G2", "G3"]) {
  await show(
    `lexical, ${group}`,
    lexical,
    queries.filter((query) => query.group.startsWith(group)),
  );
}
await show("lexical, even rows", lexical, even);
await show("lexical, odd rows", lexical, odd);
await show("lexical without sentences, all", lexicalRetriever(documents, { sentence: 0 }), queries);
await show("lexical without groups, all", lexicalRetriever(documents, { group: 0 }), queries);
await time(lexical, queries);

/** Dense and fused ranking with a model's vectors, measured on the odd rows. @returns What was embedded of each tool, in their order. */
async function measureVectors(
  title: string,
  model: EmbeddingModel,
  tokenizer: Tokenizer,
  rowsForWeight: readonly RetrievalRow[],
): Promise<readonly string[]> {
  const kept = new Map<string, Float32Array>();
  const ofTools: string[] = [];
  let embedMs = 0;
  let embedded = 0;
  let isReady = false;
  const dense = await denseRetriever(documents, {
    embed: async (texts) => {
      if (!isReady) ofTools.push(...texts);
      const fresh = texts.filter((text) => !kept.has(text));
      const start = performance.now();
      const vectors =
        fresh.length === 0 ? [] : await embed(model, tokenizer, fresh, { pooling: "mean", normalise: true });
      if (isReady && fresh.length > 0) {
        embedMs += performance.now() - start;
        embedded += 1;
      }
      for (const [i, text] of fresh.entries()) kept.set(text, vectors[i]!);
      return texts.map((text) => kept.get(text)!);
    },
  });
  isReady = true;
  await show(`${title}dense, odd rows`, dense, odd);
  const weight = await fitWeight(lexical, dense, rowsForWeight);
  console.log(`embedding a query and its sentences takes ${(embedMs / embedded).toFixed(1)} ms on average`);
  console.log(`weight of the dense scores, fitted on ${rowsForWeight.length} of the even rows: ${weight}`);
  const fused = fusedRetriever(lexical, dense, { weight });
  await show(`${title}fused, odd rows`, fused, odd);
  for (const group of ["G1", "G2", "G3"]) {
    await show(
      `${title}fused, odd rows of ${group}`,
      fused,
      odd.filter((query) => query.group.startsWith(group)),
    );
  }
  await time(fused, odd);
  return ofTools;
}

const [BATCH, RANK, RATE, LONGEST] = [32, 16, 1e-3, 128] as const;

/** A LoRA that brings requests near to the tools that they need. */
async function tune(
  model: LanguageModel,
  tokenizer: Tokenizer,
  rows: readonly RetrievalRow[],
  texts: readonly string[],
) {
  const textOf = new Map(documents.map(({ name }, i) => [name, texts[i]!]));
  const pairs = rows.flatMap(({ query, relevant }) =>
    relevant.map((name) => ({ text: query, pair: textOf.get(name)! })),
  );
  const steps = EPOCHS * Math.floor(pairs.length / BATCH);
  const tuned = attach(model, lora(model, { rank: RANK, targets: "all-linear" }, random(1)));
  const toBatch = collate(model, tokenizer, { maxLength: LONGEST });
  const run = train(tuned, batches(pairs, toBatch, { size: BATCH, random: random(2), last: "drop" }), {
    optimiser: adamW({ learningRate: linear(RATE, { warmUp: Math.ceil(steps / 10), steps }) }),
    ...{ steps, clipNorm: 1, random: random(3) },
  });
  for await (const event of run) {
    if (event.type === "step" && event.step % Math.ceil(steps / 5) === 0)
      console.log(`step ${event.step} of ${steps}, loss ${event.loss.toFixed(3)}`);
    if (event.type === "end") return merge(tuned.with(event.parameters));
  }
  throw new Error("internal: the training run ended without an end event");
}

if (folder !== undefined) {
  await useBackend();
  const model = await loadModel(folder, { head: { kind: "embedding", symmetric: true } });
  const tokenizer = await loadTokenizer(folder);
  const texts = await measureVectors("", model, tokenizer, even);
  if (EPOCHS > 0) {
    const [trained, held] = [0, 1].map((part) => even.filter((_, i) => (i % 4 === 3 ? 1 : 0) === part)) as [
      Query[],
      Query[],
    ];
    await measureVectors("tuned: ", await tune(model, tokenizer, trained, texts), tokenizer, held);
  }
}
