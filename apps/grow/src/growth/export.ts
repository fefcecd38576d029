import { cpus } from "node:os";
import type { Files } from "@cambium/base";
import { countParameters, disposeParameters, type Parameters } from "@cambium/core";
import type { StepEvent } from "@cambium/train";
import { modelCard } from "./card.ts";
import type { Growth } from "./growth.ts";
import type { Seedling } from "./objective.ts";
import { measurePerplexities } from "./perplexity.ts";
import { PIECES_PER_STEP, type Recipe } from "./recipes.ts";
import { loadSeedling, saveSeedling } from "./seedling-files.ts";
import type { Text } from "./text.ts";

/** What a finished run leaves. */
export interface ExportOptions {
  readonly seedling: Seedling;
  readonly parameters: Parameters;
  readonly recipe: Recipe;
  readonly text: Text;
  /** Every step that was taken. */
  readonly steps: readonly StepEvent[];
  readonly target: Files;
}

const meanLoss = (steps: readonly StepEvent[]): number => steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;

function describeHardware(): string {
  const [cpu] = cpus();
  return `${cpus().length} cores, ${cpu?.model ?? "unknown processor"}, Node ${process.version}`;
}

/** Writes a sapling's folder: weights, tokeniser, `growth.json` and the model card. */
export async function exportSapling({
  seedling,
  parameters,
  recipe,
  text,
  steps,
  target,
}: ExportOptions): Promise<void> {
  await saveSeedling(seedling, parameters, target);
  await target.write("tokenizer.json", text.files["tokenizer.json"]!);
  const config = JSON.parse(text.files["tokenizer_config.json"]!) as object;
  const model_max_length = seedling.model.config.max_position_embeddings;
  await target.write("tokenizer_config.json", JSON.stringify({ ...config, model_max_length }));

  const stored = await loadSeedling(target);
  const perplexity = await measurePerplexities(stored.model, stored.parameters, text);
  disposeParameters(stored.parameters);

  const growth: Growth = {
    name: recipe.name,
    date: new Date().toISOString().slice(0, 10),
    ...(recipe.from === undefined ? {} : { from: recipe.from }),
    teacher: "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
    domain: recipe.domain,
    seed: recipe.seed,
    parameterCount: countParameters(parameters),
    vocabularySize: text.vocabularySize,
    steps: steps.length,
    piecesPerStep: PIECES_PER_STEP,
    learningRate: recipe.learningRate,
    firstLoss: meanLoss(steps.slice(0, 100)),
    lastLoss: meanLoss(steps.slice(-100)),
    minutes: steps.reduce((sum, { durationMs }) => sum + durationMs, 0) / 60_000,
    hardware: describeHardware(),
    corpora: text.corpora.map((corpus) => ({ ...corpus, trained: corpus.domain === recipe.domain })),
    perplexity,
  };
  await target.write("growth.json", `${JSON.stringify(growth, null, 2)}\n`);
  await target.write("README.md", modelCard(growth, []));
}
