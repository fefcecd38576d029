import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createEvaluator } from "@cambium/connectivity";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { saveAdapter, type Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import {
  chooseScale,
  measureAgreement,
  recycle as recycleDelta,
  runRecycling,
  type Scale,
  type Score,
} from "@cambium/recycling";
import { textTable } from "@cambium/report";
import { adamW, type Batches } from "@cambium/train";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../models/source.ts";
import {
  type OpenedRows,
  type OpenedVersions,
  openRows,
  openVersions,
  type RowFlags,
} from "../recycling/open-recycling.ts";
import { type RecyclingResult, recyclingPage, SCORE_COLUMNS, scoreRows } from "../recycling/report.ts";
import { runAll } from "../recycling/run-all.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount } from "./parse-count.ts";

/** Flags of the command. */
export interface RecycleFlags extends RowFlags {
  readonly table?: string;
  readonly dev?: string;
  readonly method: "direct" | "initialise" | "distil" | "both";
  readonly labels?: readonly string[];
  readonly scale?: Scale | "choose";
  readonly lora?: "factors" | "product";
  readonly prompts?: "keep" | "nearest-token";
  readonly align?: true;
  readonly alpha: number;
  readonly temperature: number;
  readonly hidden: number;
  readonly steps: number;
  readonly every?: number;
  readonly rate: number;
  readonly all?: string;
  readonly data?: string;
  readonly budget?: number;
  readonly out: string;
  readonly json?: true;
}

const EXAMPLE = `
Example, an adapter for the model that ships with Cambium, on that model's next version; the same command resumes after Ctrl-C:
  $ cambium recycle sapling:bert-4x256@1 sapling:bert-4x256@2 adapters/tickets --table tickets.csv --out adapters/tickets-2
Example, what it scores there without training:
  $ cambium recycle models/v1 models/v2 adapters/tickets --table tickets.csv --method direct --out adapters/tickets-2
Example, every delta of a registry, with the rows of each task in <folder>/<task>.csv:
  $ cambium recycle models/v1 models/v2 --all registry --data tables --budget 500 --out registry-2`;

function number(least: number, most: number, open = false): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value <= most && !(open && value === least)) return value;
    const above = open ? `above ${least}` : `from ${least}`;
    throw new InvalidArgumentError(`It must be a number ${above}${Number.isFinite(most) ? ` to ${most}` : ""}.`);
  };
}

function parseScale(text: string): Scale | "choose" {
  if (text === "choose") return "choose";
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!numbers.every(Number.isFinite))
    throw new InvalidArgumentError(
      'It is a number, numbers with commas between them (one for each layer), or "choose".',
    );
  return numbers.length === 1 ? numbers[0]! : numbers;
}

/** `cambium recycle`: an adapter of one model on its next version. */
export function recycle(io: Io): Command {
  return new Command("recycle")
    .description(
      "Carry an adapter over to the next version of its model: as it is, as a start, by its old model as a teacher, or both.",
    )
    .argument("<old>", `the model that it was trained on: ${MODEL_ARGUMENT}`)
    .argument("<new>", "the model that it is to work on, likewise")
    .argument("[adapter]", "the adapter's folder, as saveAdapter or PEFT write it")
    .option("--table <file>", "labelled rows to learn from and to judge by: CSV, TSV, JSON, JSON lines or Parquet")
    .option("--dev <file>", "rows to judge by (default: a quarter of --table is held back)")
    .addOption(new Option("--method <name>", "how").choices(["direct", "initialise", "distil", "both"]).default("both"))
    .option("--labels <names>", "labels of an adapter that PEFT wrote, in the order of its training", (text) =>
      text.split(","),
    )
    .option("--text <column>", "column of the texts (default: found, and said)")
    .option("--pair <column>", "column of second texts, for pairs")
    .option("--label <column>", "column of labels (default: found, and said)")
    .option("--scale <numbers>", 'how much of the change is taken over, or "choose" for what serves best', parseScale)
    .addOption(new Option("--lora <form>", "how a LoRA comes along").choices(["factors", "product"]))
    .addOption(new Option("--prompts <way>", "how prompts come along").choices(["keep", "nearest-token"]))
    .option("--align", "first undo another order of neurons and heads in the new model")
    .option("--alpha <share>", "what the teacher counts against the labels", number(0, 1), 0.9)
    .option("--temperature <number>", "by which logits are divided", number(0, Number.POSITIVE_INFINITY, true), 5)
    .option("--hidden <number>", "what unlike hidden states count", number(0, Number.POSITIVE_INFINITY), 0)
    .option("--steps <number>", "steps of training", parseCount, 100)
    .option("--every <number>", "steps between evaluations (default: a tenth of the steps)", parseCount)
    .option("--rate <number>", "learning rate", number(0, 1, true), 1e-3)
    .option("--batch <number>", "rows in a step", parseCount, 16)
    .option("--max-length <number>", "most tokens of a row", parseCount, 64)
    .option("--all <registry>", "every delta of a registry in place of one adapter")
    .option("--data <folder>", "with --all: tables named by task")
    .option("--budget <number>", "with --all: steps for all of them together", parseCount)
    .option("--seed <integer>", "of the start, the split and the order of the rows", parseSeed, 1)
    .requiredOption("--out <folder>", "where the adapter and a report go")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .hook("preAction", checkIdle)
    .action(async (old: string, current: string, adapter: string | undefined, flags: RecycleFlags) => {
      if (flags.all !== undefined) {
        if (adapter !== undefined || flags.table !== undefined)
          throw new UseError(
            "recycle: --all takes adapters from the registry and rows from --data; leave out the adapter and --table",
          );
        await useBackend();
        return runAll(io, { old, current }, flags);
      }
      const wrong = (["data", "budget"] as const).find((key) => flags[key] !== undefined);
      if (wrong !== undefined) throw new UseError(`recycle: --${wrong} goes with --all`);
      if (adapter === undefined)
        throw new UseError("recycle: name the adapter's folder, or give --all with a registry");
      if (flags.table === undefined)
        throw new UseError("recycle: --table is needed: rows to learn from and to judge by");
      if (flags.method === "distil" && (flags.scale ?? flags.lora ?? flags.prompts ?? flags.align) !== undefined)
        throw new UseError(
          'recycle: "distil" starts afresh, so --scale, --lora, --prompts and --align would do nothing',
        );
      if (!existsSync(adapter)) throw new UseError(`recycle: there is no folder ${adapter}`);
      await useBackend();
      await recycleOne(io, { old, current }, adapter, flags.table, flags);
    });
}

const OF_TEACHER = ["alpha", "temperature", "hidden"] as const;
const OF_TRAINING = ["steps", "every", "rate"] as const;
const OF_ONE = ["method", "dev", "labels", "scale", "lora", "prompts", "align", "steps", "every"] as const;

/** Throws for a flag that would do nothing. */
function checkIdle(command: Command): void {
  const { all, method } = command.opts<RecycleFlags>();
  const refuse = (keys: readonly (keyof RecycleFlags)[], why: string): void => {
    const given = command.options.find((option) => {
      const key = option.attributeName();
      return (keys as readonly string[]).includes(key) && command.getOptionValueSource(key) === "cli";
    });
    if (given !== undefined) throw new UseError(`recycle: ${given.long} ${why}`);
  };
  if (all !== undefined) {
    refuse(OF_ONE, "does nothing with --all, by which each delta gets what it needs of --budget");
    return;
  }
  if (method === "direct" || method === "initialise") refuse(OF_TEACHER, `is for a teacher, which "${method}" has not`);
  if (method === "direct") refuse(OF_TRAINING, 'is for training, and "direct" trains nothing');
}

async function recycleOne(
  io: Io,
  names: { readonly old: string; readonly current: string },
  adapter: string,
  file: string,
  flags: RecycleFlags,
): Promise<void> {
  const opened = await openVersions(io, "recycle", names, adapter, flags.labels);
  try {
    const { verdict, coverage, notes } = opened.compatibility;
    if (!flags.json) {
      io.error(`${verdict}: the new model has all ${coverage.found.length} places of the adapter`);
      for (const note of notes) io.error(note);
    }
    const rows = await openRows(io, "recycle", opened, file, flags.dev, flags);
    const found = await carry(io, names, adapter, opened, rows, flags);
    if (found === undefined) return;
    await mkdir(flags.out, { recursive: true });
    await writeFile(join(flags.out, "report.html"), recyclingPage(found).html());
    if (flags.json) {
      const { compatibility, agreement, ...rest } = found;
      const flips = agreement?.flips === undefined ? undefined : { ...agreement.flips, regressions: undefined };
      io.out(
        JSON.stringify({ ...rest, verdict: compatibility.verdict, notes: compatibility.notes, flips, out: flags.out }),
      );
      return;
    }
    io.out(textTable({ columns: [...SCORE_COLUMNS], rows: scoreRows(found).map((row) => [...row]) }));
    const flips = found.agreement?.flips;
    if (flips !== undefined)
      io.out(
        `of ${flips.rows} rows ${(100 * flips.negativeFlips).toFixed(1)} % were right and are wrong, ${(100 * flips.positiveFlips).toFixed(1)} % the other way round`,
      );
    io.out(`the adapter is in ${flags.out}, and ${join(flags.out, "report.html")} shows it`);
  } finally {
    opened.dispose();
  }
}

/** The run itself; nothing where it was stopped. */
async function carry(
  io: Io,
  names: { readonly old: string; readonly current: string },
  adapter: string,
  { old, newBase, compatibility }: OpenedVersions,
  { train, dev, counts }: OpenedRows,
  flags: RecycleFlags,
): Promise<RecyclingResult | undefined> {
  const { method, steps, json } = flags;
  const scale = flags.scale === "choose" ? (await chooseScale(old, newBase, train, passed(flags))).scale : flags.scale;
  if (flags.scale === "choose" && !json) io.error(`λ = ${String(scale)} serves best on the rows to learn from`);
  const given = { ...passed(flags), ...(scale !== undefined && { scale }) };
  const scores: Record<string, Score> = { "old model": await scoreOf(old, dev) };
  const curve: { step: number; score: number }[] = [];
  const warnings: string[] = [];
  let [final, baseline]: [Tuned<LanguageModel> | undefined, Score | undefined] = [undefined, undefined];
  if (method === "direct") {
    final = await recycleDelta(old, newBase, { method: "initialise", ...given });
    scores["new model, untrained"] = await scoreOf(final, dev);
  } else {
    const { alpha, temperature, hidden } = flags;
    const run = runRecycling(old, newBase, train, {
      method,
      ...(method === "distil" ? {} : given),
      ...(method === "initialise" ? {} : { distillation: { alpha, temperature, hidden } }),
      optimiser: adamW({ learningRate: flags.rate }),
      steps,
      clipNorm: 1,
      random: random(flags.seed).at("recycle"),
      checkpoint: join(flags.out, "unfinished"),
      signal: io.signal,
      evaluate: { every: flags.every ?? Math.max(1, Math.ceil(steps / 10)), data: dev },
    });
    for await (const event of run) {
      if (event.type === "teacher") baseline = event.baseline;
      if (event.type === "zero-shot") {
        scores["new model, untrained"] = event.score;
        curve.push({ step: 0, score: event.score.accuracy ?? event.score.loss });
      }
      if (event.type === "weak-teacher" || event.type === "warning") warnings.push(event.message);
      if (event.type === "step") io.live?.(`step ${event.step} of ${steps}  loss ${event.loss.toFixed(3)}`);
      if (event.type === "evaluation")
        curve.push({ step: event.step, score: (event.metrics["accuracy"] ?? event.metrics["loss"])! });
      if (event.type !== "end") continue;
      if (event.reason === "stopped") {
        disposeParameters(event.parameters);
        io.error(`recycle: stopped with a checkpoint in ${join(flags.out, "unfinished")}; the same command resumes`);
        return undefined;
      }
      final = event.tuned;
    }
    scores[`new model, ${method}`] = await scoreOf(final!, dev);
  }
  if (!json) for (const message of warnings) io.error(message);
  try {
    await saveAdapter(final!, flags.out, { base: modelPath(names.current) });
    const { head } = newBase;
    const isComparable = head?.kind === "sequence-classification" && head.multiLabel !== true;
    const agreement = isComparable ? await measureAgreement(old, final!, dev) : undefined;
    return {
      ...names,
      adapter,
      method,
      compatibility,
      scores,
      curve,
      warnings,
      ...(baseline !== undefined && { baseline }),
      ...(agreement !== undefined && { agreement }),
      settings: {
        "rows to learn from": counts.train,
        "rows to judge by": counts.dev,
        ...(method === "direct" ? {} : { steps, rate: flags.rate, batch: flags.batch }),
        ...(method === "distil" || method === "both"
          ? { alpha: flags.alpha, temperature: flags.temperature, hidden: flags.hidden }
          : {}),
        ...(scale !== undefined && { scale: String(scale) }),
        seed: flags.seed,
      },
    };
  } finally {
    disposeParameters(final!.parameters);
  }
}

/** Flags that `recycle` takes as they are. */
function passed({ lora, prompts, align }: RecycleFlags) {
  return {
    ...(align !== undefined && { align }),
    ...(lora !== undefined && { lora }),
    ...(prompts !== undefined && { prompts }),
  };
}

async function scoreOf(tuned: Tuned<LanguageModel>, data: Batches<TokenBatch>): Promise<Score> {
  const evaluator = await createEvaluator(tuned as never, data as never);
  try {
    const { loss, accuracy } = await evaluator.measure(tuned);
    return { loss, ...(accuracy !== undefined && { accuracy }) };
  } finally {
    evaluator.dispose();
  }
}
