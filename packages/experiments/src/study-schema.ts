import * as z from "zod";
import type { ClaimOptions } from "./claim-options.ts";
import type { Cell, Level } from "./grid.ts";
import type { Metric, RunCode, StudyFigure, Tuning } from "./study.ts";

const level = z.union([z.string(), z.number(), z.boolean()]);
const levels = z
  .array(level)
  .min(1)
  .refine((list) => new Set(list).size === list.length, "must name each level once");
const word = z.string().min(1);
const filter = z.record(word, z.union([level, levels]));
/** A record's parser leaves this name out without a word. */
const withoutProto = z
  .unknown()
  .refine((value) => typeof value !== "object" || value === null || !Object.hasOwn(value, "__proto__"), {
    message: 'must not name a factor "__proto__"',
  });
const hasCall = <T>(name: string): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === "function", `must be a function of ${name}`);

const code = z.strictObject({
  module: z
    .string()
    .regex(/^(file:|data:|\/|[A-Za-z]:[\\/])/, "must be a file: URL, such as import.meta.url, or an absolute path"),
  name: word.default("run"),
  version: word,
  inputs: z.json().exactOptional(),
  step: z.strictObject({ name: word, per: z.array(word) }).exactOptional(),
});

const tuning = z.strictObject({
  factor: word,
  values: z.union([levels, hasCall<(group: Cell) => readonly Level[]>("a group")]),
  per: z.array(word).min(1),
  at: z.record(word, levels),
  from: z.int().positive(),
  to: z.int().positive(),
  eta: z.number().min(1.1).exactOptional(),
  metric: word,
  goal: z.enum(["max", "min"]),
});

const claim = z.strictObject({
  claim: word,
  metric: word,
  where: filter.exactOptional(),
  minus: filter.exactOptional(),
  statistic: z.strictObject({ version: word, compute: hasCall<never>("runs") }).exactOptional(),
  over: z.array(word).min(1).exactOptional(),
  atLeast: z.number().exactOptional(),
  atMost: z.number().exactOptional(),
  interval: z.enum(["t", "bootstrap"]).exactOptional(),
  level: z.number().min(0.5).max(0.9999).exactOptional(),
});

const figure = z.strictObject({
  title: word,
  metric: word,
  where: filter.exactOptional(),
  x: word.exactOptional(),
  scale: z.enum(["linear", "log"]).exactOptional(),
  series: z.array(word),
});

/** The shape of a study's options; what its words refer to is checked afterwards. */
export const studySchema: z.ZodType<{
  readonly name: string;
  readonly run: RunCode & { readonly name: string };
  readonly factors: Readonly<Record<string, readonly Level[]>>;
  readonly where: (cell: Cell) => boolean;
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly replicate: string;
  readonly tuning?: Tuning;
  readonly claims: readonly ClaimOptions[];
  readonly figures?: readonly StudyFigure[];
}> = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, "must consist of letters, digits, -, _ and ."),
  run: code,
  factors: withoutProto.pipe(z.record(word, levels)),
  where: hasCall<(cell: Cell) => boolean>("a cell").default(() => () => true),
  metrics: z.record(
    word,
    z.strictObject({ unit: word.exactOptional(), digits: z.int().min(0).max(10).exactOptional() }),
  ),
  replicate: word.default("seed"),
  tuning: tuning.exactOptional(),
  claims: z.array(claim).default([]),
  figures: z.array(figure).exactOptional(),
});
