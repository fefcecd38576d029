/** A head alone, scalars anywhere, a designed method and full fine-tuning on one task, each at the best of the same learning rates. */
import { countParameters, disposeParameters, type Parameters, random, useBackend } from "@cambium/core";
import { arbitrary, attach, type Delta, describeTargets, head, lora, type Tuned, whole } from "@cambium/delta";
import { collate, type LanguageModel, loadModel, loadTokenizer } from "@cambium/models";
import { textTable } from "@cambium/report";
import { fewShot } from "@cambium/tasks";
import { loadTask, type RealRow } from "@cambium/tasks/real";
import { accuracy, adamW, batches, linear, predict, train } from "@cambium/train";
import { argMax, type Tensor2D } from "@tensorflow/tfjs-core";
import { HELP, readSettings, type Settings } from "./settings.ts";

const [WRONG_USE, FAILED] = [2, 1];
const [BATCH, ROWS, MAX_LENGTH] = [16, 32, 32];
/** Learning rate of the head, the same beside every way. */
const HEAD_RATE = 3e-3;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A way to tune: what is trained beside the head. Made for each try, which disposes of it. */
interface Way {
  readonly name: string;
  delta?(): Delta;
}

function waysOf(base: LanguageModel, { counts, seed }: Settings): readonly Way[] {
  const anywhere = (count: number): Way => ({
    name: `${count} scalars anywhere`,
    delta: () => arbitrary(base, { count, excludeEmbeddings: true }, random(seed).at(count)),
  });
  const designed = () => lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, random(seed).at("lora"));
  const { trained } = describeTargets(base, lora, { rank: 8, targets: ["attn.q", "attn.v"] });
  return [
    { name: "the head alone" },
    ...counts.map(anywhere),
    { ...anywhere(trained), name: "as many as LoRA, anywhere" },
    { name: "LoRA, rank 8 on queries and values", delta: designed },
    { name: "all weights", delta: () => whole(base) },
  ];
}

async function main(settings: Settings): Promise<void> {
  const { seed, steps, rates } = settings;
  const { backend, device } = await useBackend();
  const { task, train: all, dev, test } = await loadTask(settings.task);
  const base = await loadModel(settings.model, { head: task.head("class-head"), random: random(seed).at("head") });
  const toBatch = collate(base, await loadTokenizer(settings.model), {
    maxLength: MAX_LENGTH,
    padTo: [16, MAX_LENGTH],
  });
  const labelled = (rows: readonly RealRow[]) => rows.map((row) => ({ ...row, label: row.label! }));
  const rows = labelled(fewShot(all, { perClass: ROWS, random: random(seed).at("rows") }));
  say(`${settings.task}: ${task.labels.length} classes, ${rows.length} rows to learn from; ${backend}, ${device}`);

  async function measure(
    tuned: Tuned<LanguageModel>,
    parameters: Parameters,
    part: readonly RealRow[],
  ): Promise<number> {
    const at = tuned.with(parameters);
    const { guess, label } = await predict(
      (batch) => ({ guess: argMax(at.forward(batch).logits as Tensor2D, -1), label: batch.labels! }),
      batches(labelled(part), toBatch, { size: 2 * BATCH }),
    );
    return accuracy(guess, label);
  }

  /** One way at one rate: what the development rows say, and the test rows. */
  async function attempt(way: Way, rate: number) {
    const delta = way.delta?.();
    const deltas = delta === undefined ? [head(base)] : delta.kind === "whole" ? [delta] : [head(base), delta];
    const tuned = attach(base, ...deltas);
    const isBeside = delta !== undefined && delta.kind !== "whole";
    const groups = isBeside ? [{ match: /^head\//, learningRateFactor: HEAD_RATE / rate }] : [];
    const learningRate = linear(rate, { warmUp: Math.ceil(steps / 10), steps });
    const data = batches(rows, toBatch, { size: BATCH, random: random(seed).at("order"), last: "drop" });
    for await (const event of train(tuned, data, { optimiser: adamW({ learningRate, groups }), steps, clipNorm: 1 })) {
      if (event.type !== "end") continue;
      const found = {
        dev: await measure(tuned, event.parameters, dev),
        test: await measure(tuned, event.parameters, test),
      };
      const trained = countParameters(tuned.parameters);
      for (const tree of [event.parameters, tuned.parameters]) disposeParameters(tree);
      return { rate, trained, ...found };
    }
    throw new Error("internal: the training run ended without an end event");
  }

  const table: (string | number)[][] = [];
  for (const way of waysOf(base, settings)) {
    const tries = [];
    for (const rate of rates) tries.push(await attempt(way, rate));
    const best = tries.reduce((one, other) => (other.dev > one.dev ? other : one));
    const half = 1.96 * Math.sqrt((best.test * (1 - best.test)) / test.length); // of a binomial, 95 %
    table.push([way.name, best.trained, best.rate, percent(best.dev), `${percent(best.test)} ± ${percent(half)}`]);
    say(`${way.name}: ${percent(best.test)}`);
  }
  const columns = ["way", "trained, head included", "best rate", "development", "test"].map((name) => ({ name }));
  say(`\n${textTable({ columns, rows: table })}`);
  say(
    "One seed: differences within the intervals say nothing, and a rate at the end of the list may not be the best one.",
  );
  disposeParameters(base.parameters);
}

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) process.stdout.write(HELP);
  else await main(settings);
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`choose-parameters: ${message}\n`);
  process.exitCode = code === "CONFIG" ? WRONG_USE : FAILED;
}
