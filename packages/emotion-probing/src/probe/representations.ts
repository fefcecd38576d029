/** What a model makes of concepts: by templates that name them, or by texts that are labelled with them. */
import { CancelledError, ConfigError } from "@cambium/base";
import type { RunnableModel, Tokenizer } from "@cambium/models";
import { type ReadTextsOptions, readTexts } from "../capture/read-texts.ts";
import { sitesNamed } from "../capture/site-names.ts";
import { averageConditions, type ConditionActivations } from "../neurons/condition-activations.ts";

/** Every text of a probe, with its condition and repeat. */
export interface PlacedText {
  readonly text: string;
  readonly condition: number;
  readonly repeat: number;
}

/** Texts of templates: every template is a repeat. */
export function templateTexts(
  tokenizer: Tokenizer,
  concepts: readonly string[],
  templates: readonly string[],
): readonly PlacedText[] {
  return templates.flatMap((template, repeat) => {
    if (!template.includes("{emotion}")) {
      throw new ConfigError({
        message: `runEmotionProbe: template ${repeat} does not say {emotion}: ${JSON.stringify(template)}`,
        index: repeat,
      });
    }
    const unknown = /\{(?!emotion\}|mask\})([^}]*)\}/.exec(template)?.[1];
    if (unknown !== undefined) {
      throw new ConfigError({
        message: `runEmotionProbe: template ${repeat} has {${unknown}}; known are {emotion} and {mask}`,
        index: repeat,
      });
    }
    return concepts.map((concept, condition) => ({
      text: template.replaceAll("{emotion}", () => concept).replaceAll("{mask}", () => maskOf(tokenizer, repeat)),
      condition,
      repeat,
    }));
  });
}

function maskOf(tokenizer: Tokenizer, index: number): string {
  const { mask } = tokenizer.special;
  if (mask !== undefined) return tokenizer.decode([mask], { skipSpecial: false });
  throw new ConfigError({
    message: `runEmotionProbe: template ${index} has {mask}, and the tokenizer has no mask token`,
    index,
  });
}

/** Labelled texts: the repeats are `folds` disjoint parts of each concept's texts. */
export function labelledTexts(
  concepts: readonly string[],
  texts: Readonly<Record<string, readonly string[]>>,
  folds: number,
): readonly PlacedText[] {
  const extra = Object.keys(texts).find((name) => !concepts.includes(name));
  if (extra !== undefined) {
    throw new ConfigError({ message: `runEmotionProbe: there are texts of "${extra}", which is none of the emotions` });
  }
  return concepts.flatMap((concept, condition) => {
    const own = texts[concept] ?? [];
    if (own.length < folds) {
      throw new ConfigError({
        message: `runEmotionProbe: "${concept}" has ${own.length} texts; at least ${folds} are needed`,
      });
    }
    return own.map((text, i) => ({ text, condition, repeat: i % folds }));
  });
}

/** Activations of all texts. */
export interface Represented {
  /** The mean over the texts of a condition and a repeat. */
  readonly activations: ConditionActivations;
  /** By the path of a site, `[texts][width]`. */
  readonly rows: ReadonlyMap<string, readonly Float32Array[]>;
}

/** Reads the texts, and reports how many are done. */
export async function* represent(
  model: RunnableModel,
  tokenizer: Tokenizer,
  placed: readonly PlacedText[],
  concepts: readonly string[],
  names: readonly string[],
  reading: ReadTextsOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly type: "texts"; readonly done: number; readonly total: number }, Represented> {
  const sites = sitesNamed("runEmotionProbe", model, names);
  const texts = placed.map(({ text }) => text);
  const rows = new Map(sites.map(({ path }) => [path, new Array<Float32Array>(texts.length)]));
  let done = 0;
  for await (const { places, values } of readTexts("runEmotionProbe", model, tokenizer, texts, sites, reading)) {
    for (const { path, width } of sites) {
      places.forEach((place, i) => {
        rows.get(path)![place] = values.get(path)!.slice(i * width, (i + 1) * width);
      });
    }
    done += places.length;
    yield { type: "texts", done, total: texts.length };
    if (signal?.aborted === true) throw new CancelledError({ message: "runEmotionProbe: stopped by its signal" });
  }
  const activations = averageConditions(
    sites,
    rows,
    placed.map(({ condition }) => concepts[condition]!),
    { conditions: concepts, repeats: placed.map(({ repeat }) => repeat) },
  );
  return { activations, rows };
}
