/**
 * From a table to an adapter with its report, as events: `result(finetune(…))` is the whole of it in one call. The command only shows
 * the events.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Files, JsonObject } from "@cambium/base";
import { countParameters, disposeParameters, random, useBackend } from "@cambium/core";
import { attach, type Delta, head, saveAdapter, type Tuned, whole } from "@cambium/delta";
import {
  collate,
  type HeadConfig,
  type LabelScore,
  type LanguageModel,
  type LoadModelOptions,
  loadModel,
  loadTokenizer,
  predictor,
  type Tokenizer,
} from "@cambium/models";
import { measureClassification, measureNumbers, type Table, type TableRow, weightClasses } from "@cambium/tasks";
import { adamW, batches, linear, type Metrics, train } from "@cambium/train";
import { deltaMethods } from "../inspect/delta-methods.ts";
import { UseError } from "../io.ts";
import { type Findings, measureBaselines } from "./findings.ts";
import { createPage } from "./page.ts";
import {
  checkNumbers,
  type FinetuneChoices,
  identityOf,
  type Parts,
  planTuning,
  splitTable,
  type TuningPlan,
  weightsOf,
} from "./plan.ts";
import { openRunLog } from "./run-log.ts";

/** What is tuned, and where it goes. */
export interface FinetuneOptions extends FinetuneChoices {
  /** As `loadModel` takes it. */
  readonly model: string | Files;
  /** What the model is called, in the adapter and its instructions. */
  readonly modelName: string;
  /** Folder of the adapter, the report, and a checkpoint on the way. */
  readonly out: string;
  /** @default 1 */
  readonly seed?: number;
  /** How the frozen layers are held. @default "float32" */
  readonly frozen?: NonNullable<LoadModelOptions["frozen"]>;
  /** Begins again where an unfinished run stands in the folder. @default false */
  readonly restart?: boolean;
  /** Stops after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** What happens on the way. */
export type FinetuneEvent =
  | { readonly type: "note"; readonly message: string }
  | {
      readonly type: "step";
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly remainingMs: number;
    }
  | { readonly type: "evaluation"; readonly step: number; readonly metrics: Metrics }
  | { readonly type: "end"; readonly reason: "finished" | "stopped"; readonly findings?: Findings };

/**
 * Tunes a model on a table: splits it, weights unbalanced classes, trains with early stopping, measures on rows that were never seen, and
 * writes `adapter` (a PEFT folder with the labels), `finetune.json` and `report.html` into a folder. A run that was stopped or killed is
 * resumed by the same call.
 *
 * @throws {UseError} When the table cannot be learnt from, or the folder holds another run.
 */
export async function* finetune(table: Table, options: FinetuneOptions): AsyncGenerator<FinetuneEvent> {
  const { model: source, modelName, out, seed = 1, frozen = "float32", restart = false, signal, ...choices } = options;
  if (table.kind === "texts") {
    throw new UseError(
      `finetune: column "${table.columns.target}" of ${table.name} holds texts to be written; this command learns classes and numbers`,
    );
  }
  if (table.kind === "numbers") checkNumbers(table);
  const log = openRunLog(out, identityOf(table, modelName, { seed, frozen, ...choices }), restart);
  if (log.isResumed) yield { type: "note", message: "resuming the unfinished run" };
  const key = random(seed);
  const parts = splitTable(table, key.at("parts"));
  yield { type: "note", message: partsText(parts) };
  const weights = table.kind === "classes" ? weightsOf(parts.train) : undefined;
  if (weights !== undefined) {
    const shown = [...weights].map(([label, weight]) => `${label} ${weight.toFixed(2)}`).join(", ");
    yield { type: "note", message: `classes are unbalanced, their rows are weighted: ${shown}` };
  }

  const { backend, device } = await useBackend();
  const tokenizer = await loadTokenizer(source);
  const top: HeadConfig =
    table.kind === "classes" ? { kind: "sequence-classification", labels: table.labels } : { kind: "regression" };
  const base: LanguageModel = await loadModel(source, {
    head: top,
    random: key.at("head"),
    frozen,
  });
  const plan = planTuning(
    {
      width: base.layout.sites.find(({ kind }) => kind === "block")!.width,
      rows: parts.train.length,
      lengths: parts.train.map(({ text, pair }) => tokenizer.encode(text, pair).ids.length),
      modelLength: base.architecture.maximumLength(base.config),
    },
    choices,
  );
  const tuned = attach(base, ...deltasOf(plan, choices.settings, base, key.at("delta")));
  const trained = countParameters(tuned.parameters);
  yield {
    type: "note",
    message: `${plan.method} trains ${trained.toLocaleString("en-US")} of ${countParameters(base.parameters).toLocaleString("en-US")} weights on ${backend} (${device}): rate ${plan.learningRate}, at most ${plan.steps} steps, ${plan.evaluateEvery} an epoch, ${plan.maxLength} tokens a row`,
  };

  const toBatch = collate(base, tokenizer, { maxLength: plan.maxLength });
  const data = batches(parts.train, toBatch, {
    size: plan.batchSize,
    random: key.at("order"),
    buckets: toBatch.lengthOf,
  });
  const counts = table.kind === "classes" ? "macroF1" : "rootMeanSquaredError";
  const measure = async (at: Tuned<LanguageModel>): Promise<Metrics> =>
    metricsOf(table, parts.dev, await predictAll(at, tokenizer, parts.dev, plan.maxLength));
  const run = train(weights === undefined ? tuned : weightClasses(tuned, weights), data, {
    optimiser: adamW({
      learningRate: linear(plan.learningRate, { warmUp: Math.ceil(plan.steps / 10), steps: plan.steps }),
    }),
    steps: plan.steps,
    clipNorm: 1,
    random: key.at("dropout"),
    evaluate: {
      every: plan.evaluateEvery,
      run: (parameters) => measure(tuned.with(parameters)),
      best: { metric: counts, direction: table.kind === "classes" ? "highest" : "lowest" },
      patience: plan.patience,
    },
    checkpoint: { files: log.checkpoint, every: 25 },
    ...(signal !== undefined && { signal }),
  });
  let [sumMs, seen] = [0, 0];
  for await (const event of run) {
    if (event.type === "warning") yield { type: "note", message: event.message };
    if (event.type === "step") {
      log.append({ step: event.step, loss: event.loss });
      sumMs += event.durationMs;
      seen++;
      const remainingMs = ((plan.steps - event.step) * sumMs) / seen;
      yield { type: "step", step: event.step, steps: plan.steps, loss: event.loss, remainingMs };
      await setImmediate(); // lets Ctrl-C in
    }
    if (event.type === "evaluation") {
      log.append({ step: event.step, score: event.metrics[counts]! });
      yield event;
    }
    if (event.type !== "end") continue;
    if (event.reason === "stopped") {
      yield { type: "end", reason: "stopped" };
      return;
    }
    const best = tuned.with(event.parameters);
    const predictions = await predictAll(best, tokenizer, parts.test, plan.maxLength);
    const cut = toBatch.report();
    const findings: Findings = {
      table,
      parts,
      plan,
      modelName,
      counts,
      best: event.best!,
      isEarly: event.reason === "early-stopped",
      lines: log.lines(),
      predictions,
      baselines: table.kind === "classes" ? measureBaselines(parts) : [],
      metrics: metricsOf(table, parts.test, predictions),
      cutShare: cut.cutRows / cut.rows,
      weights: weights === undefined ? undefined : Object.fromEntries(weights),
      trained,
      backend,
    };
    mkdirSync(out, { recursive: true });
    await saveAdapter(best, join(out, "adapter"), { base: modelName });
    writeFileSync(join(out, "finetune.json"), `${JSON.stringify(summaryOf(findings, seed), null, 2)}\n`);
    writeFileSync(join(out, "report.html"), createPage(findings).html());
    for (const tree of [event.parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
    log.clear();
    yield { type: "end", reason: "finished", findings };
  }
}

function partsText({ train: trained, dev, test, duplicates, disputed }: Parts): string {
  const dropped =
    duplicates === 0
      ? ""
      : `; ${duplicates} left out because another row has their text, or almost${disputed === 0 ? "" : ` (${disputed} with another label)`}`;
  return `${trained.length} rows to train on, ${dev.length} to choose the best moment by, ${test.length} to measure${dropped}`;
}

/** The deltas of a method; its head comes first, so that others edit what it replaces. */
function deltasOf(
  { method, rank }: TuningPlan,
  settings: JsonObject | undefined,
  base: LanguageModel,
  key: ReturnType<typeof random>,
): Delta[] {
  if (method === "whole") return [whole(base)];
  if (method === "head") return [head(base)];
  const make = deltaMethods.get(method);
  if (make === undefined)
    throw new UseError(`finetune: there is no method "${method}"; there are ${[...deltaMethods.keys()].join(", ")}`);
  const usual = method === "lora" ? { rank, targets: "all-linear" } : {};
  return [head(base), make(base, settings ?? usual, key)];
}

/** What the model says of each row: classes with probabilities, or a number. */
async function predictAll(
  model: Tuned<LanguageModel>,
  tokenizer: Tokenizer,
  rows: readonly TableRow[],
  maxLength: number,
): Promise<readonly (readonly LabelScore[] | number)[]> {
  const texts = rows.map(({ text, pair }) => ({ text, ...(pair !== undefined && { pair }) }));
  return (await predictor(model, tokenizer, { maxLength })(texts)) as readonly (readonly LabelScore[] | number)[];
}

function metricsOf(
  table: Table,
  rows: readonly TableRow[],
  predictions: readonly (readonly LabelScore[] | number)[],
): Metrics {
  if (table.kind === "numbers") {
    const { meanAbsoluteError, rootMeanSquaredError, r2 } = measureNumbers(
      predictions as readonly number[],
      rows.map(({ label }) => label as number),
    );
    return { rootMeanSquaredError, meanAbsoluteError, r2 };
  }
  const { accuracy, macro, calibration } = measureClassification(
    predictions as readonly (readonly LabelScore[])[],
    rows.map(({ label }) => label as string),
    { labels: table.labels },
  );
  return { accuracy, macroF1: macro.f1, loss: calibration!.logLoss, calibrationError: calibration!.error };
}

/** What a program wants to know of the adapter beside its own files. */
function summaryOf(
  { table, plan, modelName, metrics, baselines, best, parts, weights }: Findings,
  seed: number,
): object {
  const { train: trained, dev, test, duplicates } = parts;
  return {
    model: modelName,
    tokenizer: modelName,
    kind: table.kind,
    labels: table.labels,
    columns: table.columns,
    plan,
    seed,
    classWeights: weights,
    rows: { train: trained.length, dev: dev.length, test: test.length, leftOut: table.skipped, duplicates },
    bestStep: best.step,
    test: metrics,
    baselines: Object.fromEntries(baselines.map(({ name, accuracy, macroF1 }) => [name, { accuracy, macroF1 }])),
  };
}
