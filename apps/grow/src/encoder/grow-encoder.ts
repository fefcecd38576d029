import { type Files, folder } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import type { Growing, StageName } from "../growth/growing.ts";
import { sourceOf, type TextRecipe } from "../growth/recipes.ts";
import { growingData, type Phase } from "../text/data.ts";
import type { Text } from "../text/text.ts";
import { toMaskedBatch } from "./batch.ts";
import { startFromTeacher } from "./first-embeddings.ts";
import { framedRows, textWidth } from "./framing.ts";
import { maskPieces } from "./masking.ts";
import { createSeedling, type PretrainingBatch, pretraining, towardsTeacher } from "./objective.ts";
import { FEW_BATCHES, measurePerplexities } from "./perplexity.ts";
import { loadSeedling, saveSeedling } from "./seedling-files.ts";
import { targetsIn } from "./targets.ts";
import type { Teacher } from "./teacher.ts";

/** Pieces per step: 16 rows of 128 and 64 of 32 in turn, at the end 8 of 256. Few, for time is short, and small batches learn more from each piece. */
const PIECES_PER_STEP = 2048;

/** Pieces of a batch that are to be guessed. */
const MASKED_PER_STEP = Math.round(0.15 * PIECES_PER_STEP);

const shapeOf = (seq: number) => ({ batch: PIECES_PER_STEP / seq, seq });
const SHORT = [shapeOf(128), shapeOf(32)];
const LONG = [shapeOf(256), shapeOf(32)];

/** The second half of the cooling down has the long rows. */
function phasesOf(stage: StageName, steps: number): readonly Phase[] {
  return stage === "level" ? [{ shapes: SHORT }] : [{ shapes: SHORT, steps: steps >> 1 }, { shapes: LONG }];
}

/**
 * An encoder that a teacher teaches.
 *
 * @param targets - Folder in which what the teacher says is kept.
 * @param from - Folder of the version to continue.
 */
export async function growEncoder(
  recipe: TextRecipe,
  text: Text,
  teacher: Teacher,
  targets: string,
  from: string | undefined,
): Promise<Growing<PretrainingBatch>> {
  const key = random(recipe.seed).at("weights");
  const teacherIds = text.teacherIds!;
  const start =
    from === undefined
      ? startFromTeacher(createSeedling(recipe.config, key), teacher, teacherIds)
      : await loadSeedling(folder(from));
  const seedling = towardsTeacher(start, teacher.width, key);
  const source = await sourceOf(recipe, text);
  const targetsOf = targetsIn(targets, teacher, teacherIds);
  return {
    objective: pretraining(seedling),
    piecesPerStep: PIECES_PER_STEP,
    data: (stage, steps, own) =>
      growingData(source, {
        phases: phasesOf(stage, steps),
        random: own,
        textWidth,
        about: { maskCount: MASKED_PER_STEP, teacher: teacher.fingerprint },
        async toBatch(block, shape, lots) {
          const rows = framedRows(block.texts, shape.seq);
          const masked = maskPieces(rows.ids, { count: MASKED_PER_STEP, vocabularySize: teacherIds.length }, lots);
          return { ...toMaskedBatch(rows, masked, shape), ...(await targetsOf(block, rows, shape)) };
        },
      }),
    evaluate: (parameters) => measurePerplexities(seedling.model, parameters, text, FEW_BATCHES),
    async save(parameters, files) {
      await saveSeedling(seedling, parameters, files);
      await files.write("tokenizer.json", text.files["tokenizer.json"]!);
      const config = JSON.parse(text.files["tokenizer_config.json"]!) as object;
      const model_max_length = seedling.model.config.max_position_embeddings;
      await files.write("tokenizer_config.json", JSON.stringify({ ...config, model_max_length }));
    },
    async describe(files: Files) {
      const stored = await loadSeedling(files);
      const perplexity = await measurePerplexities(stored.model, stored.parameters, text);
      disposeParameters(stored.parameters);
      return { teacher: "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)", perplexity };
    },
  };
}
