/** Grows one sapling: its text and weights by kind, then the run, the card and the lineage. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, folder, sha256 } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { growChat } from "../chat/grow-chat.ts";
import { growDecoder } from "../decoder/grow-decoder.ts";
import { growEncoder } from "../encoder/grow-encoder.ts";
import { loadTeacher } from "../encoder/teacher.ts";
import { growSpans } from "../spans/grow-spans.ts";
import { openBytes, openPieces } from "../text/saplings-text.ts";
import type { Text } from "../text/text.ts";
import { exportGrowth } from "./export.ts";
import type { Growing } from "./growing.ts";
import { modelFingerprint, writeLineage } from "./lineage.ts";
import { corpusOf, type Recipe } from "./recipes.ts";
import { type Finished, type RunOptions, runGrowth } from "./run.ts";

/** How long a run is, and where its files are. */
export interface GrowOptions {
  /** Steps in all. @default the recipe's */
  readonly steps?: number;
  /** Folder of the cache: text, checkpoints, metrics. */
  readonly cache: string;
  /** Folder that holds the saplings' folders. */
  readonly models: string;
  /** Folder of the teacher. */
  readonly teacher: string;
  /** Ends the run with a checkpoint. */
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

/** A kind's part of a run, and the text that it reads. */
interface Planted {
  readonly text: Text;
  readonly growing: Omit<Growing<never>, "data">;
  readonly run: (options: RunOptions) => Promise<Finished | undefined>;
}

const planted = <Batch>(text: Text, growing: Growing<Batch>): Planted => ({
  text,
  growing,
  run: (options) => runGrowth(growing, options),
});

async function plant(recipe: Recipe, from: string | undefined, options: GrowOptions): Promise<Planted> {
  if (recipe.kind === "encoder") {
    const text = await openPieces(options.teacher, options);
    return planted(
      text,
      await growEncoder(recipe, text, await loadTeacher(options.teacher), join(options.cache, "teacher"), from),
    );
  }
  const text = await openBytes(options);
  if (recipe.kind === "chat") return planted(text, await growChat(recipe, text, from!));
  const plantOf = recipe.kind === "decoder" ? growDecoder : growSpans;
  return planted(text, await plantOf(recipe, text, from));
}

/**
 * Grows a sapling and writes its folder.
 *
 * @returns Whether the run came to its end; when not, a checkpoint holds what was reached.
 */
export async function grow(recipe: Recipe, options: GrowOptions): Promise<boolean> {
  const { cache, models, signal, report } = options;
  const from = recipe.from === undefined ? undefined : join(models, recipe.from);
  if (from !== undefined) {
    await access(join(from, "growth.json")).catch(() => {
      throw new Error(`grow: ${recipe.name} continues ${recipe.from}, which is not in ${models}; grow that first`);
    });
  }
  const { growing, text, run } = await plant(recipe, from, options);
  const target = folder(join(models, recipe.name));
  const { steps = recipe.steps } = options;
  const lineage = {
    parent: from === undefined ? null : await modelFingerprint(folder(from)),
    corpus: corpusOf(recipe),
    run: `${recipe.name}, ${sha256(canonicalJson(recipe as never)).slice(0, 12)}`,
  };
  const finished = await run({
    seed: recipe.seed,
    learningRate: recipe.learningRate,
    steps,
    kept: recipe.kept ?? [],
    ...lineage,
    home: join(cache, recipe.name),
    target: join(models, recipe.name),
    signal,
    report,
  });
  disposeParameters(growing.objective.parameters);
  if (finished === undefined) return false;
  await growing.save(finished.parameters, target);
  disposeParameters(finished.parameters);
  await writeLineage(target, { ...lineage, steps });
  await exportGrowth({ recipe, growing, corpora: text.corpora, steps: finished.steps, target });
  return true;
}
