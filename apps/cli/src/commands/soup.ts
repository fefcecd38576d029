import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { result } from "@cambium/base";
import {
  createEvaluator,
  type MergeMethod,
  type MergePointsOptions,
  mergePoints,
  mergeTuned,
  type ReadRecipe,
  readMergekit,
  runSoup,
} from "@cambium/connectivity";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import type { AnyModel, Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { textTable } from "@cambium/report";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  addDataFlags,
  type DataFlags,
  type OpenedPoints,
  openData,
  POINT_ARGUMENT,
  parseNumbers,
  withPoints,
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
  readonly recipe?: string;
  readonly greedy?: true;
  readonly seed: number;
  readonly out: string;
  readonly force?: true;
  readonly json?: true;
}

const EXAMPLE = `
LoRAs are merged by their products, other adapters and whole models number by number.
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
    .option("--recipe <file>", "a recipe in mergekit's YAML, in place of all that")
    .option("--greedy", "take the best by --table, then each that does not make it worse")
    .option("--seed <integer>", "of what drops at random", parseSeed, 0)
    .requiredOption("--out <folder>", "where the merged one goes")
    .option("--force", "write into a folder that is not empty")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (model: string, given: readonly string[], flags: SoupFlags) => {
      if (flags.force !== true && existsSync(flags.out) && readdirSync(flags.out).length > 0)
        throw new UseError(`soup: ${flags.out} is not empty; name another folder, or pass --force`);
      const { read, names } = await whatToMerge(model, given, flags);
      await withPoints(io, "soup", model, names, async (opened) => {
        const made = flags.greedy === true ? await greedy(io, opened, flags) : await merged(opened, flags, read);
        try {
          await opened.save(made.model, flags.out);
          const rows = await scores(opened, made.model, names, flags);
          if (flags.json === true)
            io.out(JSON.stringify({ out: flags.out, members: made.members?.map((i) => names[i]), scores: rows }));
          else {
            if (made.members !== undefined) io.out(`in the soup: ${made.members.map((i) => names[i]).join(", ")}`);
            if (rows.length > 0)
              io.out(
                textTable({
                  columns: [
                    { name: "model" },
                    { name: "loss", unit: "nats", digits: 4 },
                    { name: "accuracy", unit: "%", digits: 1 },
                  ],
                  rows: rows.map(({ name, loss, accuracy }) => [
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

/** The points: those that were named, or those of the recipe. */
async function whatToMerge(
  model: string,
  given: readonly string[],
  flags: SoupFlags,
): Promise<{ readonly read?: ReadRecipe; readonly names: readonly string[] }> {
  const settings = [flags.method, flags.weights, flags.density, flags.t, flags.lambda].some(
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
}

async function greedy(io: Io, opened: OpenedPoints, flags: SoupFlags): Promise<Made> {
  const data = await openData("soup", opened, flags as DataFlags);
  const [first] = opened.points;
  const { parameters, members } = await result(runSoup(first!, opened.points, data), (event) => {
    if (event.type === "soup") io.live?.(`${event.members.length} points: loss ${event.loss.toFixed(4)}`);
  });
  return { model: first!.with(parameters), owned: [parameters], members };
}

async function merged({ base, points }: OpenedPoints, flags: SoupFlags, read: ReadRecipe | undefined): Promise<Made> {
  const { method = "linear", weights, density, t, lambda, seed } = flags;
  const [first] = points;
  const drawing = (name: MergeMethod): boolean => name.startsWith("dare") || name.startsWith("della");
  const hasLoras = first!.deltas.some(({ kind }) => kind === "lora");
  if (hasLoras && read === undefined) {
    const known = ["linear", "ties", "dare-linear", "dare-ties"] as const;
    const own = known.find((name) => name === method);
    if (own === undefined || t !== undefined || lambda !== undefined)
      throw new UseError(`soup: LoRAs are merged by ${known.join(", ")}, with --weights and --density; got ${method}`);
    const model = await mergeTuned(points, {
      method: own,
      ...(weights !== undefined && { weights }),
      ...(density !== undefined && { density }),
      ...(drawing(own) && { random: random(seed) }),
    });
    return { model, owned: [model.parameters] };
  }
  const recipe = read?.recipe ?? {
    method,
    ...(weights !== undefined && { weight: { each: weights } }),
    ...(density !== undefined && { density }),
    ...(t !== undefined && { t }),
    ...(lambda !== undefined && { lambda }),
  };
  const changes = !["linear", "slerp", "karcher"].includes(recipe.method ?? "linear");
  const start: MergePointsOptions["base"] = first!.deltas.every((delta) => delta.method.replaces === true)
    ? new Map([...first!.parameters.keys()].map((name) => [name, startOf(base, name)]))
    : "zero";
  const parameters = await mergePoints(points, {
    ...recipe,
    ...(changes && { base: start }),
    ...(drawing(recipe.method ?? "linear") && { random: random(seed) }),
  });
  return { model: first!.with(parameters), owned: [parameters] };
}

/** The base's weight that `<delta>/<name>` replaces. */
const startOf = (base: AnyModel, name: string) => base.parameters.get(name.slice(name.indexOf("/") + 1))!;

async function scores(
  opened: OpenedPoints,
  model: Tuned<LanguageModel>,
  names: readonly string[],
  flags: SoupFlags,
): Promise<readonly { readonly name: string; readonly loss: number; readonly accuracy?: number }[]> {
  if (flags.table === undefined) return [];
  const rows: { name: string; loss: number; accuracy?: number }[] = [];
  for (const [name, point] of [
    ...names.map((each, i) => [each, opened.points[i]!] as const),
    ["merged", model] as const,
  ]) {
    const evaluator = await createEvaluator(point, await openData("soup", opened, flags as DataFlags));
    try {
      const { loss, accuracy } = await evaluator.measure(point);
      rows.push({ name, loss, ...(accuracy !== undefined && { accuracy }) });
    } finally {
      evaluator.dispose();
    }
  }
  return rows;
}
