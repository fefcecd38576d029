/** Fields of both kinds of requests that say how a reply is drawn. */
import * as z from "zod";

/** What may be left out, or be null. */
type Absent<Schema extends z.ZodType> = z.ZodOptional<z.ZodNullable<Schema>>;

const within = (low: number, high: number): Absent<z.ZodNumber> => z.number().min(low).max(high).nullish();

const texts = z.string().min(1, "must be texts of at least one character");

/** What the format says of them. Ranges are the format's, and wider where models have more. */
export const samplingFields: {
  readonly model: z.ZodString;
  readonly n: Absent<z.ZodLiteral<1>>;
  readonly max_tokens: Absent<z.ZodInt>;
  readonly temperature: Absent<z.ZodNumber>;
  readonly top_p: Absent<z.ZodNumber>;
  readonly top_k: Absent<z.ZodInt>;
  readonly min_p: Absent<z.ZodNumber>;
  readonly repetition_penalty: Absent<z.ZodNumber>;
  readonly presence_penalty: Absent<z.ZodNumber>;
  readonly frequency_penalty: Absent<z.ZodNumber>;
  readonly stop: Absent<z.ZodUnion<readonly [z.ZodString, z.ZodArray<z.ZodString>]>>;
  readonly seed: Absent<z.ZodInt>;
  readonly stream: Absent<z.ZodBoolean>;
  readonly stream_options: Absent<
    z.ZodObject<
      { include_usage: z.ZodOptional<z.ZodBoolean>; include_obfuscation: z.ZodOptional<z.ZodLiteral<false>> },
      z.core.$strict
    >
  >;
} = {
  model: z.string(),
  n: z.literal(1, "only one choice is given: leave it out, or ask several times").nullish(),
  max_tokens: z.int().positive().nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().positive("must be at least 1: leave it out to draw from all tokens").nullish(),
  min_p: within(0, 1),
  repetition_penalty: z.number().gt(0).nullish(),
  presence_penalty: within(-2, 2),
  frequency_penalty: within(-2, 2),
  stop: z.union([texts, z.array(texts)], "must be a text or a list of texts, of at least one character each").nullish(),
  seed: z.int().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().optional(),
      include_obfuscation: z.literal(false, "nothing is padded: leave it out, or set it to false").optional(),
    })
    .nullish(),
};

/** Such fields, read. */
export interface SamplingFields {
  readonly max_tokens?: number | null | undefined;
  readonly temperature?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly top_k?: number | null | undefined;
  readonly presence_penalty?: number | null | undefined;
  readonly frequency_penalty?: number | null | undefined;
  readonly stop?: string | readonly string[] | null | undefined;
  readonly seed?: number | null | undefined;
}

/** What they are called in this library; without those that are not there. */
export function samplingOf(wire: SamplingFields): Record<string, unknown> {
  const fields = {
    maxTokens: wire.max_tokens,
    temperature: wire.temperature,
    topP: wire.top_p,
    topK: wire.top_k,
    presencePenalty: wire.presence_penalty,
    frequencyPenalty: wire.frequency_penalty,
    stop: typeof wire.stop === "string" ? [wire.stop] : wire.stop,
    seed: wire.seed,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
