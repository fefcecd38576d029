import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { result } from "@cambium/base";
import {
  createEvaluator,
  type MergeMethod,
  type MergePointsOptions,
  type MergeRecipe,
  mergePoints,
  mergeTuned,
  type ReadRecipe,
  readMergekit,
  runSoup,
  type Tasted,
} from "@cambium/connectivity";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import type { AnyModel, Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { textTable } from "@cambium/report";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  addDataFlags,
  type DataFlags,
  openData,
  POINT_ARGUMENT,
  type PointSources,
  parseNumbers,
  withSources,
} from "../connectivity/open-points.ts";
import { type Io, UseError } from "../io.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { parseCount as parseSeed } from "./model-flags.ts";

const METHODS: readonly MergeMethod[] = [
  "linear",
  "slerp",
  "karcher",
  "task-arithmetic",
  "ties",
  "dare-linear",
  "dare-ties",
  "della-linear",
  "della",
  "breadcrumbs",
  "breadcrumbs-ties",
  "model-stock",
];

interface SoupFlags extends Omit<DataFlags, "table"> {
  readonly table?: string;
  readonly method?: MergeMethod;
  readonly weights?: readonly number[];
  readonly density?: number;
  readonly t?: number;
  readonly lambda?: number;
  readonly knots?: true;
  readonly recipe?: string;
  readonly greedy?: true;
  readonly seed: number;
  readonly out: string;
  readonly force?: true;
  readonly json?: true;
}

const EXAMPLE = `
LoRAs are merged by their products, other adapters and whole models number by number; --greedy takes means of numbers, also of a LoRA's factors.
Means and --greedy hold one point at a time beside what is made, however many there are; other methods hold all.
Example, those of four adapters that help, chosen on development rows:
  $ cambium soup models/minilm adapters/a adapters/b adapters/c adapters/d --greedy --table dev.csv --out adapters/soup
Example, whole models by a recipe in mergekit's YAML, with their folders in it:
  $ cambium soup models/base --recipe merge.yml --out models/merged`;

function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}

/** `cambium soup`: several tunings of a model as one. */
export function soup(io: Io): Command {
  const command = new Command("soup")
    .description("Merge several tunings of a model into one: soups, task arithmetic, TIES, DARE, SLERP and others.")
    .argument("<model>", `${MODEL_ARGUMENT}: what changes are counted from`)
    .argument("[points...]", POINT_ARGUMENT);
  return addDataFlags(command, false)
    .addOption(new Option("--method <name>", "how (default: linear)").choices(METHODS))
    .option("--weights <numbers>", "what each counts, as 0.5,0.5", parseNumbers)
    .option("--density <share>", "share of the entries that stay", parseShare)
    .option("--t <share>", "place between the two of slerp", parseShare)
    .option("--lambda <number>", "factor on the whole change", parseShare)
    .option("--knots", "merge LoRAs in one basis of all of them (KnOTS), for methods that drop entries or elect signs")
    .option("--recipe <file>", "a recipe in mergekit's YAML, in place of all that")
    .option("--greedy", "take the best by --table, then each that does not make it worse")
    .option("--seed <integer>", "of what drops at random", parseSeed, 0)
    .requiredOption("--out <folder>", "where the merged one goes")
    .option("--force", "write into a folder that is not empty")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .hook("preAction", checkRows)
    .action(async (model: string, given: readonly string[], flags: SoupFlags) => {
      if (flags.force !== true && existsSync(flags.out) && readdirSync(flags.out).length > 0)
        throw new UseError(`soup: ${flags.out} is not empty; name another folder, or pass --force`);
      const { read, names } = await whatToMerge(model, given, flags);
      await withSources(io, "soup", model, names, async (sources) => {
        const made = flags.greedy === true ? await greedy(io, sources, flags) : await merged(sources, flags, read);
        try {
          await sources.save(made.model, flags.out);
          const rows = made.scores ?? (await scores(io, sources, made.model, flags));
          const named = rows.map((row, i) => ({ name: names[i] ?? "merged", ...row }));
          if (flags.json === true)
            io.out(JSON.stringify({ out: flags.out, members: made.members?.map((i) => names[i]), scores: named }));
          else {
            if (made.members !== undefined) io.out(`in the soup: ${made.members.map((i) => names[i]).join(", ")}`);
            if (named.length > 0)
              io.out(
                textTable({
                  columns: [
                    { name: "model" },
                    { name: "loss", unit: "nats", digits: 4 },
                    { name: "accuracy", unit: "%", digits: 1 },
                  ],
                  rows: named.map(({ name, loss, accuracy }) => [
                    name,
                    loss,
                    accuracy === undefined ? "–" : 100 * accuracy,
                  ]),
                }),
              );
            io.out(`merged ${names.length} into ${flags.out}`);
          }
        } finally {
          for (const tree of made.owned) disposeParameters(tree);
        }
      });
    });
}

const OF_ROWS: readonly string[] = ["text", "pair", "label", "rows", "batch", "maxLength"];

/** Throws for a flag of rows where there are none. */
function checkRows(command: Command): void {
  const { table } = command.opts<SoupFlags>();
  const idle = command.options.find((option) => {
    const key = option.attributeName();
    return OF_ROWS.includes(key) && command.getOptionValueSource(key) === "cli";
  });
  if (table === undefined && idle !== undefined)
    throw new UseError(`soup: ${idle.long} is for the rows of --table, and there is none`);
}

/** The points: those that were named, or those of the recipe. */
async function whatToMerge(
  model: string,
  given: readonly string[],
  flags: SoupFlags,
): Promise<{ readonly read?: ReadRecipe; readonly names: readonly string[] }> {
  const settings = [flags.method, flags.weights, flags.density, flags.t, flags.lambda, flags.knots].some(
    (value) => value !== undefined,
  );
  if (flags.greedy === true && (settings || flags.recipe !== undefined))
    throw new UseError("soup: --greedy takes the mean; it goes with no other way to merge");
  if (flags.greedy === true && flags.table === undefined)
    throw new UseError("soup: --greedy needs --table, rows to choose by that no model learned from");
  if (flags.recipe === undefined) {
    if (given.length === 0) throw new UseError("soup: name the folders to merge, or a --recipe");
    return { names: given };
  }
  if (settings || given.length > 0)
    throw new UseError("soup: a --recipe says what is merged, and how; leave all else out");
  if (!existsSync(flags.recipe)) throw new UseError(`soup: there is no file ${flags.recipe}`);
  const read = readMergekit(await readFile(flags.recipe, "utf8"));
  if (read.base !== undefined && read.base !== model)
    throw new UseError(`soup: changes of the recipe start from ${read.base}; give it in place of ${model}`);
  return { read, names: read.models };
}

interface Made {
  readonly model: Tuned<LanguageModel>;
  readonly owned: readonly Parameters[];
  readonly members?: readonly number[];
  /** Of each point and of what was made, where they are known already. */
  readonly scores?: readonly Tasted[];
}

async function greedy(io: Io, sources: PointSources, flags: SoupFlags): Promise<Made> {
  const data = await openData(io, "soup", sources, flags as DataFlags);
  const like = await sources.like();
  const points = Array.from({ length: sources.count }, (_, i) => () => sources.tree(i));
  const { parameters, members, ...end } = await result(runSoup(like, points, data), (event) => {
    if (event.type === "soup") io.live?.(`${event.members.length} points: loss ${event.loss.toFixed(4)}`);
  });
  return { model: like.with(parameters), owned: [parameters], members, scores: [...end.points, end] };
}

const draws = (name: MergeMethod): boolean => name.startsWith("dare") || name.startsWith("della");

async function merged(sources: PointSources, flags: SoupFlags, read: ReadRecipe | undefined): Promise<Made> {
  const { method = "linear", weights, density, t, lambda, seed, knots } = flags;
  const like = await sources.like();
  const hasLoras = like.deltas.some(({ kind }) => kind === "lora");
  if (hasLoras && read !== undefined)
    throw new UseError(
      "soup: a recipe merges number by number, and LoRAs are merged by their products; name them, with --method",
    );
  if (hasLoras) {
    const known = ["linear", "ties", "dare-linear", "dare-ties"] as const;
    const own = known.find((name) => name === method);
    if (own === undefined)
      throw new UseError(`soup: LoRAs are merged by ${known.join(", ")}, with --weights and --density; got ${method}`);
    const idle = t !== undefined ? "t" : lambda !== undefined ? "lambda" : undefined;
    if (idle !== undefined) throw new UseError(`soup: --${idle} is for what are no LoRAs; leave it out`);
    const others: Tuned<LanguageModel>[] = [];
    for (let i = 1; i < sources.count; i++) others.push(await sources.open(i));
    const model = await mergeTuned([like, ...others], {
      method: own,
      ...(weights !== undefined && { weights }),
      ...(density !== undefined && { density }),
      ...(knots !== undefined && { knots }),
      ...(draws(own) && { random: random(seed) }),
    });
    return { model, owned: [model.parameters] };
  }
  if (knots !== undefined) throw new UseError("soup: --knots is for LoRAs, and the first point has none");
  const recipe = read?.recipe ?? {
    method,
    ...(weights !== undefined && { weight: { each: weights } }),
    ...(density !== undefined && { density }),
    ...(t !== undefined && { t }),
    ...(lambda !== undefined && { lambda }),
  };
  const shares = sharesOf(recipe, sources.count);
  const parameters = shares
    ? await meanOf(sources, shares)
    : await mergeAll(sources, like, recipe, draws(recipe.method ?? "linear") ? seed : undefined);
  return { model: like.with(parameters), owned: [parameters] };
}

/** What each point counts in a mean, which is taken one point at a time; nothing for other merges, and for weights that may cancel on the way. */
function sharesOf(
  { method = "linear", weight = 1, ...rest }: MergeRecipe,
  count: number,
): readonly number[] | undefined {
  if (method !== "linear" || Object.keys(rest).length > 0) return undefined;
  const each = Object.hasOwn(Object(weight) as object, "each")
    ? (weight as { readonly each: readonly unknown[] }).each
    : new Array<unknown>(count).fill(weight);
  const isPlain = each.length === count && each.every((share) => typeof share === "number" && share > 0);
  return isPlain ? (each as readonly number[]) : undefined;
}

/** The mean, one point at a time. */
async function meanOf(sources: PointSources, shares: readonly number[]): Promise<Parameters> {
  let mean = (await sources.tree(0)).parameters;
  let total = shares[0]!;
  for (const [i, share] of shares.entries()) {
    if (i === 0) continue;
    const next = await sources.tree(i);
    try {
      const more = await mergePoints([mean, next], { weight: { each: [total, share] } });
      disposeParameters(mean);
      mean = more;
    } finally {
      disposeParameters(next.parameters);
    }
    total += share;
  }
  return mean;
}

async function mergeAll(
  sources: PointSources,
  like: Tuned<LanguageModel>,
  recipe: MergeRecipe,
  seed: number | undefined,
): Promise<Parameters> {
  const points: Pick<Tuned<LanguageModel>, "parameters" | "head">[] = [];
  try {
    for (let i = 0; i < sources.count; i++) points.push(await sources.tree(i));
    const changes = !["linear", "slerp", "karcher"].includes(recipe.method ?? "linear");
    const start: MergePointsOptions["base"] = like.deltas.every((delta) => delta.method.replaces === true)
      ? new Map([...like.parameters.keys()].map((name) => [name, startOf(sources.base, name)]))
      : "zero";
    return await mergePoints(points, {
      ...recipe,
      ...(changes && { base: start }),
      ...(seed !== undefined && { random: random(seed) }),
    });
  } finally {
    for (const { parameters } of points) disposeParameters(parameters);
  }
}

/** The base's weight that `<delta>/<name>` replaces. */
const startOf = (base: AnyModel, name: string) => base.parameters.get(name.slice(name.indexOf("/") + 1))!;

/** What each point scores, one at a time, and what was made. */
async function scores(
  io: Io,
  sources: PointSources,
  model: Tuned<LanguageModel>,
  flags: SoupFlags,
): Promise<readonly Tasted[]> {
  if (flags.table === undefined) return [];
  const data = await openData(io, "soup", sources, flags as DataFlags);
  const score = async (point: Tuned<LanguageModel>): Promise<Tasted> => {
    const evaluator = await createEvaluator(point, data);
    try {
      const { loss, accuracy } = await evaluator.measure(point);
      return { loss, ...(accuracy !== undefined && { accuracy }) };
    } finally {
      evaluator.dispose();
    }
  };
  const rows: Tasted[] = [];
  for (let i = 0; i < sources.count; i++) rows.push(await sources.visit(i, score));
  return [...rows, await score(model)];
}
