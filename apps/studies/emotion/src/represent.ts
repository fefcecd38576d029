/** What the model makes of each emotion, by labelled texts or by templates; prompts are in `prompts.ts`. */
import type { Random } from "@cambium/core";
import {
  averageConditions,
  type ConditionActivations,
  collectActivations,
  findSites,
  type GoEmotions,
} from "@cambium/emotion-probing";
import { draw, ofEmotion } from "./emotions.ts";
import { isDecoder, type Opened } from "./models.ts";
import { type Extent, MAX_LENGTH, TEMPLATES } from "./plan.ts";

/** A text with its emotion and which repeat it belongs to. */
interface Placed {
  readonly text: string;
  readonly condition: number;
  readonly repeat: number;
}

/** Two disjoint halves of an emotion's texts, of which the model has heard nothing. */
function labelled(data: GoEmotions, { emotions, texts }: Extent, random: Random): Placed[] {
  return emotions.flatMap((emotion, condition) =>
    draw(ofEmotion(data.train, emotion), texts, random.at(emotion)).map((text, i) => ({
      text,
      condition,
      repeat: i % 2,
    })),
  );
}

/** Each template is a repeat. What a decoder is to go on after ends before the mask. */
function named(extent: Extent, { tokenizer }: Opened, decoder: boolean, random: Random): Placed[] {
  const mask = decoder ? "" : tokenizer.decode([tokenizer.special.mask!], { skipSpecial: false });
  return draw(TEMPLATES, extent.templates, random).flatMap((template, repeat) =>
    extent.emotions.map((emotion, condition) => {
      const text = template.replaceAll("{emotion}", emotion);
      return { text: decoder ? text.replace(" {mask}.", "") : text.replace("{mask}", mask), condition, repeat };
    }),
  );
}

/** Mean activations of every FFN neuron, by emotion and repeat. */
export async function represent(
  name: string,
  opened: Opened,
  kind: "texts" | "templates",
  data: GoEmotions,
  extent: Extent,
  random: Random,
): Promise<ConditionActivations> {
  const decoder = isDecoder(name);
  const placed = kind === "texts" ? labelled(data, extent, random) : named(extent, opened, decoder, random);
  const rows = await collectActivations(
    opened.model,
    opened.tokenizer,
    placed.map(({ text }) => text),
    { at: decoder ? "last" : kind === "texts" ? "mean" : "mask", maxLength: MAX_LENGTH },
  );
  return averageConditions(
    findSites(opened.model, "ff.act"),
    rows,
    placed.map(({ condition }) => extent.emotions[condition]!),
    { conditions: extent.emotions, repeats: placed.map(({ repeat }) => repeat) },
  );
}
