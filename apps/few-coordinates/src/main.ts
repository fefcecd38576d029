/** How few numbers suffice to tune a small model on a task. */
import { parseArgs } from "node:util";
import { ConfigError, result } from "@cambium/base";
import { disposeParameters, type Parameters, random, useBackend } from "@cambium/core";
import { attach, lora } from "@cambium/delta";
import { collate, loadModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import { textTable } from "@cambium/report";
import { sapling } from "@cambium/saplings";
import { fastfoodProjection, measureD90, trainInSubspace } from "@cambium/subspace";
import { fewShot } from "@cambium/tasks";
import { loadTask } from "@cambium/tasks/real";
import { accuracy, adamW, batches, predict, train } from "@cambium/train";
import { argMax, type Tensor2D } from "@tensorflow/tfjs-core";

const WRONG_USE = 2;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function readSettings() {
  const options = {
    task: { type: "string", default: "wordnet-part-of-speech" },
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
  } as const;
  const { values } = parseArgs({ options });
  const seed = values.seed.trim() === "" ? Number.NaN : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ConfigError({ message: `--seed must be an integer from 0, got "${values.seed}"` });
  return { ...values, seed };
}

async function main({ task: name, quick, seed }: ReturnType<typeof readSettings>): Promise<void> {
  await useBackend();
  const files = sapling(quick ? "bert-2x128" : "bert-4x256");
  const { task, train: all, test } = await loadTask(name);
  // The head is random and frozen: all that is learnt is in the coordinates.
  const base = await loadModel(files, { head: task.head("class-head"), random: random(seed).at("head") });
  const toBatch = collate(base, await loadTokenizer(files), { maxLength: 24, padTo: [24] });
  const key = random(seed);
  const perClass = quick ? 16 : 100;
  const data = batches(fewShot(all, { perClass, random: key.at("rows") }), toBatch, {
    size: 16,
    random: key.at("order"),
    last: "drop",
  });
  const asked = batches(test.slice(0, quick ? 64 : 225), toBatch, { size: 32 });
  const tuned = attach(base, lora(base, { rank: 4 }, key.at("lora")));
  const steps = quick ? 60 : 300;
  const scoreAt = async (parameters: Parameters): Promise<number> => {
    const at = tuned.with(parameters);
    const { guess, label } = await predict(
      (batch: TokenBatch) => ({ guess: argMax(at.forward(batch).logits as Tensor2D, -1), label: batch.labels! }),
      asked,
    );
    return accuracy(guess, label);
  };
  const whole = await result(train(tuned, data, { optimiser: adamW({ learningRate: 3e-3 }), steps }));
  const full = await scoreAt(whole.parameters);
  disposeParameters(whole.parameters);
  const count = [...tuned.parameters.values()].reduce((sum, { size }) => sum + size, 0);
  say(
    `all ${count} numbers of a LoRA: ${(100 * full).toFixed(1)} % right; untrained ${(100 * (await scoreAt(tuned.parameters))).toFixed(1)} %`,
  );

  const { d90, points, threshold } = await measureD90(
    async ({ dimension, learningRate, seed: own }) => {
      const projection = fastfoodProjection(tuned.parameters, { dimension }, random(own).at("projection"));
      const run = trainInSubspace(tuned, projection, data, {
        optimiser: adamW({ learningRate, weightDecay: 0 }),
        steps,
      });
      const { point, parameters } = await result(run);
      const score = await scoreAt(point);
      for (const tree of [point, parameters]) disposeParameters(tree);
      projection.dispose();
      return score;
    },
    {
      full,
      grid: quick ? [16, 256] : [1, 4, 16, 64, 256],
      learningRates: quick ? [0.1] : [0.03, 0.1],
      seeds: quick ? [1, 2] : [1, 2, 3],
      bisections: quick ? 0 : 3,
    },
  );
  say(
    textTable({
      columns: [
        { name: "coordinates" },
        { name: "right", unit: "%", digits: 1 },
        { name: "deviation", digits: 1 },
        { name: "rate" },
      ],
      rows: points.map(({ dimension, mean, deviation, learningRate }) => [
        dimension,
        100 * mean,
        100 * deviation,
        learningRate,
      ]),
    }),
  );
  const enough = d90 === undefined ? "none of these" : `${d90} coordinates`;
  say(`90 % of full training is ${(100 * threshold).toFixed(1)} %: ${enough} reach it`);
  for (const tree of [tuned.parameters, base.parameters]) disposeParameters(tree);
}

try {
  await main(readSettings());
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`few-coordinates: ${message}\n`);
  process.exitCode = code === "CONFIG" || code?.startsWith("ERR_PARSE_ARGS") === true ? WRONG_USE : 1;
}
