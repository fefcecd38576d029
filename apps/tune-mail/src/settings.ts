import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { sha256 } from "@cambium/base";
import type { Flags } from "./flags.ts";
import { RunError } from "./run-error.ts";

/** How one method is trained. */
export interface Recipe {
  readonly learningRate: number;
  readonly epochs: number;
}

/** Everything a run depends on, as JSON: equal settings give the same run. */
export interface Settings {
  readonly seed: number;
  /** A Hugging Face folder; the sapling when absent. */
  readonly model?: string;
  readonly backend: Flags["backend"];
  /** Adds LoRA on frozen layers in 8 bits, by the recipe of LoRA. */
  readonly frozen?: "int8";
  /** Most word pieces of a message that the model reads. */
  readonly maxLength: number;
  readonly batchSize: number;
  /** Most messages of each part that are used; all when absent. */
  readonly limits: { readonly train?: number; readonly dev?: number; readonly test?: number };
  readonly head: Recipe;
  readonly lora: Recipe & { readonly rank: number; readonly targets: readonly string[] };
  readonly whole: Recipe;
  /** Labels and draws of the small runs; none when absent. */
  readonly fewShot?: { readonly labels: readonly number[]; readonly draws: number; readonly steps: number };
}

/**
 * The settings of a command line. Learning rates and epochs were chosen by the accuracy on the development messages.
 */
export function planSettings({ seed, model, backend, frozen, quick, fewShot }: Flags): Settings {
  return {
    seed,
    ...(model === undefined ? {} : { model: resolve(model) }),
    backend,
    ...(frozen === undefined ? {} : { frozen }),
    maxLength: quick ? 32 : 64,
    batchSize: 16,
    limits: quick ? { train: 256, dev: 64, test: 128 } : { train: 1600 }, // so that all takes under two minutes
    head: { learningRate: 1e-2, epochs: 1 },
    lora: { learningRate: 2e-3, epochs: 1, rank: 8, targets: ["attn.q", "attn.v"] },
    whole: { learningRate: 3e-4, epochs: 1 },
    ...(fewShot
      ? { fewShot: quick ? { labels: [16], draws: 2, steps: 10 } : { labels: [16, 64, 256], draws: 10, steps: 60 } }
      : {}),
  };
}

/**
 * Says at once what would otherwise come up only when the messages have been read.
 *
 * @throws {RunError} When the folder given as `--model` cannot be a model.
 */
export function checkModel({ model }: Settings): void {
  if (model === undefined || existsSync(join(model, "config.json"))) return;
  throw new RunError(
    `no config.json in "${model}"; --model takes a folder from Hugging Face, with config.json, model.safetensors and tokenizer.json`,
  );
}

/** A short name for settings: an unfinished run is found again by it. */
export function settingsKey(settings: Settings): string {
  return sha256(JSON.stringify(settings)).slice(0, 8);
}
