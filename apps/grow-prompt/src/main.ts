/** A prompt that learns on a model that grows, and one that learns on the whole model, with what both cost. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError } from "@cambium/base";
import { disposeParameters, type Parameters, random, useBackend } from "@cambium/core";
import { attach, head, prompt, type Tuned } from "@cambium/delta";
import {
  type LearningCurve,
  plotCurves,
  runFastPromptTuning,
  type Stages,
  scoreNeurons,
} from "@cambium/fast-prompt-tuning";
import { collate, type LanguageModel, loadModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { fewShot } from "@cambium/tasks";
import { loadTask, type RealRow } from "@cambium/tasks/real";
import { accuracy, adamW, type Batches, batches, predict } from "@cambium/train";
import { argMax, type Tensor2D } from "@tensorflow/tfjs-core";

const WRONG_USE = 2;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function readSettings() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      task: { type: "string", default: "emoji-group" },
      seed: { type: "string", default: "1" },
      out: { type: "string", default: "runs/grow-prompt" },
    },
  });
  const seed = values.seed.trim() === "" ? Number.NaN : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ConfigError({ message: `--seed must be an integer from 0, got "${values.seed}"` });
  return { ...values, seed };
}

type Curve = LearningCurve & { readonly flops: number; readonly seconds: number; readonly score: number };

async function main({ quick, task: name, seed, out }: ReturnType<typeof readSettings>): Promise<void> {
  await mkdir(out, { recursive: true }); // before the work, which would be lost
  const { backend } = await useBackend();
  const source = sapling(quick ? "bert-2x128" : "bert-4x256");
  const { task, train, test } = await loadTask(name);
  const key = random(seed);
  const base = await loadModel(source, { head: task.head("class-head"), random: key.at("head") });
  const toBatch = collate(base, await loadTokenizer(source), { maxLength: 32, padTo: [32] });
  const labelled = (rows: readonly RealRow[]) =>
    rows.map(({ text, pair, label }) => ({
      text: text.slice(0, 400),
      ...(pair !== undefined && { pair }),
      label: label!,
    }));
  const rows = labelled(fewShot(train, { perClass: 16, random: key.at("rows") }));
  const data: Batches<TokenBatch> = batches(rows, toBatch, { size: 8, random: key.at("order"), last: "drop" });
  const asked = batches(labelled(test.slice(0, quick ? 64 : 256)), toBatch, { size: 32 });
  const tuned: Tuned<LanguageModel> = attach(base, head(base), prompt(base, { length: 10 }, key.at("prompt")));
  const steps = quick ? 20 : 200;

  async function scoreAt(parameters: Parameters): Promise<number> {
    const at = tuned.with(parameters); // on the whole model, whatever trains
    const { guess, label } = await predict(
      (batch) => ({ guess: argMax(at.forward(batch).logits as Tensor2D, -1), label: batch.labels! }),
      asked,
    );
    return 100 * accuracy(guess, label);
  }

  async function learn(curve: string, stages: Stages): Promise<Curve> {
    const points: { flops: number; elapsedMs: number; score: number }[] = [];
    const growths: { flops: number; elapsedMs: number }[] = [];
    const startedAt = performance.now();
    const neurons = stages === "paper" ? await scoreNeurons(tuned, data, { examples: 64 }) : undefined;
    const before = performance.now() - startedAt;
    let measuring = 0; // evaluations are no part of a run's cost
    const optimiser = adamW({ learningRate: 0.01 });
    const evaluate = {
      every: Math.floor(steps / 5),
      run: async (parameters: Parameters) => {
        const from = performance.now();
        const score = await scoreAt(parameters);
        measuring += performance.now() - from;
        return { score };
      },
    };
    for await (const event of runFastPromptTuning(tuned, data, {
      stages,
      steps,
      optimiser,
      evaluate,
      ...(neurons && { neurons }),
    })) {
      const { flops } = event;
      const elapsedMs = event.elapsedMs + before - measuring;
      if (event.type === "grow" && event.step > 0) growths.push({ flops, elapsedMs });
      if (event.type === "evaluation") points.push({ flops, elapsedMs, score: event.metrics["score"]! });
      if (event.type !== "end") continue;
      disposeParameters(event.parameters);
      return { name: curve, points, growths, flops, seconds: elapsedMs / 1000, score: points.at(-1)!.score };
    }
    throw new Error("internal: the run ended without an end event");
  }

  const curves = [await learn("whole model", [{ share: 1 }]), await learn("growing model", "paper")];
  const table = {
    columns: [{ label: "prompt tuning" }, { label: "accuracy, %" }, { label: "GFLOP" }, { label: "seconds" }],
    rows: curves.map(({ name: curve, score, flops, seconds }) => [
      curve,
      score.toFixed(1),
      (flops / 1e9).toFixed(1),
      seconds.toFixed(1),
    ]),
  };
  for (const row of [table.columns.map(({ label }) => label), ...table.rows]) say(row.join("\t"));
  const [whole, growing] = curves as [Curve, Curve];
  say(
    `${(100 * (1 - growing.flops / whole.flops)).toFixed(0)} % of the operations saved, ${(100 * (1 - growing.seconds / whole.seconds)).toFixed(0)} % of the seconds, on ${backend}`,
  );
  const figures = plotCurves(curves, { title: `Prompt tuning on ${name}`, score: { label: "accuracy", unit: "%" } });
  for (const [i, figure] of figures.entries())
    await writeFile(join(out, `${["operations", "seconds"][i]}.svg`), figure.svg());
  await writeFile(join(out, "results.json"), `${JSON.stringify(curves, null, 1)}\n`);
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
}

try {
  await main(readSettings());
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`grow-prompt: ${message.split(". ")[0]}\n`);
  process.exitCode = code === "CONFIG" || code?.startsWith("ERR_PARSE_ARGS") ? WRONG_USE : 1;
}
