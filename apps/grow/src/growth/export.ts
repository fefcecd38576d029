import { cpus } from "node:os";
import { type Files, readJson } from "@cambium/base";
import { openSafetensors } from "@cambium/core";
import type { StepEvent } from "@cambium/train";
import { modelCard } from "../cards/card.ts";
import type { CorpusRecord } from "../text/text.ts";
import type { Growing } from "./growing.ts";
import type { Growth } from "./growth.ts";
import { domainsBefore, REPLAY_SHARE, type Recipe } from "./recipes.ts";

/** What a card is made of. */
export interface ExportOptions {
  readonly recipe: Recipe;
  readonly growing: Pick<Growing<never>, "describe" | "piecesPerStep">;
  readonly corpora: readonly CorpusRecord[];
  /** Every step that was taken. */
  readonly steps: readonly StepEvent[];
  /** The model's folder, with its weights and tokenizer. */
  readonly target: Files;
}

const meanLoss = (steps: readonly StepEvent[]): number => steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;

function describeHardware(): string {
  const [cpu] = cpus();
  return `${cpus().length} cores, ${cpu?.model ?? "unknown processor"}, Node ${process.version}`;
}

/** Scalars in a model's file. */
async function countStored(files: Files): Promise<number> {
  const { entries } = await openSafetensors(files, "model.safetensors");
  return [...entries.values()].reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0);
}

function learntFrom(recipe: Recipe): Pick<Growth, "domain" | "replay"> {
  if (recipe.kind === "chat") return {};
  const domains = domainsBefore(recipe);
  const share = recipe.replay ?? REPLAY_SHARE;
  return { domain: recipe.domain, ...(domains.length > 0 && share > 0 && { replay: { domains, share } }) };
}

/** Writes `growth.json` and the model card beside a finished model. */
export async function exportGrowth({ recipe, growing, corpora, steps, target }: ExportOptions): Promise<void> {
  const { name, kind, from, seed, learningRate } = recipe;
  const config = (await readJson(target, "config.json")) as { readonly vocab_size: number };
  const learnt = learntFrom(recipe);
  const growth: Growth = {
    name,
    kind,
    date: new Date().toISOString().slice(0, 10),
    ...(from !== undefined && { from }),
    ...learnt,
    seed,
    parameterCount: await countStored(target),
    vocabularySize: config.vocab_size,
    steps: steps.length,
    piecesPerStep: growing.piecesPerStep,
    learningRate,
    firstLoss: meanLoss(steps.slice(0, 100)),
    lastLoss: meanLoss(steps.slice(-100)),
    minutes: steps.reduce((sum, { durationMs }) => sum + durationMs, 0) / 60_000,
    hardware: describeHardware(),
    corpora: corpora.map((corpus) => ({ ...corpus, trained: corpus.domain === learnt.domain })),
    ...(await growing.describe(target)),
  };
  await target.write("growth.json", `${JSON.stringify(growth, null, 2)}\n`);
  await target.write("README.md", modelCard(growth, []));
}
