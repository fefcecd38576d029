/** An adapter of one version of a model on the next one, in five ways. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError, folder, result } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { attach, head, lora, type Tuned } from "@cambium/delta";
import { collate, type LanguageModel, loadModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import {
  attentionSimilarity,
  type LearningCurve,
  measureAgreement,
  plotConvergence,
  plotFlips,
  plotHeads,
  recycle,
  runRecycling,
} from "@cambium/recycling";
import { plotBars, report, textTable } from "@cambium/report";
import { sapling } from "@cambium/saplings";
import { fewShot } from "@cambium/tasks";
import { loadTask } from "@cambium/tasks/real";
import { accuracy, adamW, type Batches, batches, predict, train } from "@cambium/train";
import { argMax } from "@tensorflow/tfjs-core";

const WRONG_USE = 2;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function readSettings() {
  const options = {
    task: { type: "string", default: "wordnet-part-of-speech" },
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    out: { type: "string", default: "runs/recycle-adapter" },
  } as const;
  const { values } = parseArgs({ options });
  const seed = values.seed.trim() === "" ? Number.NaN : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ConfigError({ message: `--seed must be an integer from 0, got "${values.seed}"` });
  return { ...values, seed };
}

async function accuracyOf(model: Tuned<LanguageModel>, data: Batches<TokenBatch>): Promise<number> {
  const { guess, label } = await predict(
    (batch: TokenBatch) => ({ guess: argMax(model.forward(batch).logits!, -1), label: batch.labels! }),
    data,
  );
  return accuracy(guess, label);
}

async function main({ task: name, quick, seed, out }: ReturnType<typeof readSettings>): Promise<void> {
  await useBackend();
  const key = random(seed);
  const { task, train: all, dev: held, test } = await loadTask(name);
  const load = (version: 1 | 2) =>
    loadModel(sapling("bert-4x256", { version }), { head: task.head("class-head"), random: key.at("head") });
  const [oldBase, newBase] = [await load(1), await load(2)];
  const toBatch = collate(oldBase, await loadTokenizer(sapling("bert-4x256")), { maxLength: 24, padTo: [24] });
  const draw = (rows: typeof all, perClass: number, at: string) =>
    fewShot(rows, { perClass, fewer: "keep", random: key.at(at) });
  const [many, few] = [draw(all, quick ? 32 : 200, "many"), draw(all, quick ? 8 : 16, "few")];
  const shuffled = (rows: typeof many) => batches(rows, toBatch, { size: 16, random: key.at("order") });
  const [dev, asked] = [draw(held, quick ? 8 : 24, "dev"), draw(test, quick ? 24 : 96, "test")].map((rows) =>
    batches(rows, toBatch, { size: 32 }),
  ) as [Batches<TokenBatch>, Batches<TokenBatch>];
  const optimiser = adamW({ learningRate: 2e-3 });
  const steps = quick ? 24 : 160;

  const start = attach(oldBase, lora(oldBase, { rank: 4 }, key.at("lora")), head(oldBase));
  const first = await result(train(start, shuffled(many), { optimiser, steps: 2 * steps, clipNorm: 1 }));
  const old = start.with(first.parameters);
  const scores = new Map<string, number>([["the old version, many rows", await accuracyOf(old, asked)]]);
  const direct = await recycle(old, newBase, { method: "initialise" });
  scores.set("applied as it is", await accuracyOf(direct, asked));
  const flips = (await measureAgreement(old, direct, asked)).flips!;
  const heads = await attentionSimilarity(old, direct, dev);

  const evaluate = { every: Math.ceil(steps / 8), data: dev };
  const scratch = attach(newBase, lora(newBase, { rank: 4 }, key.at("scratch")), head(newBase));
  const curves: LearningCurve[] = [];
  const common = { optimiser, steps, clipNorm: 1, random: key.at("run"), evaluate };
  const ways = {
    "from scratch": { method: "distil", student: scratch, distillation: { alpha: 0 }, ...common },
    "started from": { method: "initialise", ...common },
    "taught by the old one": { method: "distil", student: scratch, ...common },
    both: { method: "both", ...common },
  } as const;
  for (const [way, options] of Object.entries(ways)) {
    const points: { step: number; score: number }[] = [];
    const { tuned, parameters } = await result(runRecycling(old, newBase, shuffled(few), options), (event) => {
      if (event.type === "zero-shot") points.push({ step: 0, score: event.score.accuracy! });
      if (event.type === "evaluation") points.push({ step: event.step, score: event.metrics["accuracy"]! });
      if (event.type === "weak-teacher") say(event.message);
    });
    curves.push({ name: way, points });
    scores.set(way, await accuracyOf(tuned, asked));
    disposeParameters(parameters);
  }

  const rows = [...scores].map(([way, value]) => [way, 100 * value] as const);
  say(
    textTable({
      columns: [{ name: `${name}, ${few.length} rows` }, { name: "right", unit: "%", digits: 1 }],
      rows: rows.map((row) => [...row]),
    }),
  );
  say(`applied as it is, ${(100 * flips.negativeFlips).toFixed(1)} % of the rows were right and are wrong`);
  const bars = plotBars({
    title: "On rows that nothing learned from",
    value: { label: "right", unit: "%" },
    rows: rows.map(([way, value]) => ({ name: way, value })),
  });
  const page = report({
    title: "An adapter on the next version of its model",
    sections: [
      { title: "Scores", blocks: [bars, plotConvergence(curves, "from scratch")] },
      { title: "Without training", blocks: [plotFlips(flips), plotHeads(heads)] },
    ],
  });
  await folder(out).write("report.html", page.html());
  say(`${join(out, "report.html")} shows it`);
  for (const { parameters } of [direct, scratch, old, start, oldBase, newBase]) disposeParameters(parameters);
}

try {
  await main(readSettings());
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`recycle-adapter: ${message}\n`);
  process.exitCode = code === "CONFIG" || code?.startsWith("ERR_PARSE_ARGS") === true ? WRONG_USE : 1;
}
