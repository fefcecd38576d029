/** Two tunings of one model: is there a barrier between them, a way round it, and what comes of merging them? */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError, result } from "@cambium/base";
import {
  align,
  bezier,
  createEvaluator,
  line,
  measureBarrier,
  mergePoints,
  type Path,
  type PathMeasurement,
  plotPath,
  trainCurve,
} from "@cambium/connectivity";
import { disposeParameters, mapParameters, random, useBackend } from "@cambium/core";
import { adapter, attach, head } from "@cambium/delta";
import { collate, loadModel, loadTokenizer } from "@cambium/models";
import { report, table, textTable } from "@cambium/report";
import { sapling } from "@cambium/saplings";
import { fewShot } from "@cambium/tasks";
import { loadTask } from "@cambium/tasks/real";
import { adamW, batches, train } from "@cambium/train";

const WRONG_USE = 2;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function readSettings() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      out: { type: "string", default: "runs/connect-models" },
    },
  });
  const seed = values.seed.trim() === "" ? Number.NaN : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ConfigError({ message: `--seed must be an integer from 0, got "${values.seed}"` });
  return { ...values, seed };
}

async function main({ quick, seed, out }: ReturnType<typeof readSettings>): Promise<void> {
  await mkdir(out, { recursive: true }); // before the work, which would be lost
  const { backend } = await useBackend();
  const key = random(seed);
  const { task, train: known, test } = await loadTask("wordnet-part-of-speech");
  const files = sapling(quick ? "bert-2x128" : "bert-4x256");
  const base = await loadModel(files, { head: task.head("class-head"), random: key.at("head") });
  const toBatch = collate(base, await loadTokenizer(files), { maxLength: 32, padTo: [16, 32] });
  const labelled = (rows: typeof known) => rows.map(({ text, label }) => ({ text, label: label! }));
  const learned = labelled(fewShot(known, { perClass: 32, random: key.at("rows") }));
  const rows = batches(learned, toBatch, { size: 16, random: key.at("order"), last: "drop" });
  const fresh = batches(labelled(test.slice(0, quick ? 64 : 200)), toBatch, { size: 32 });
  const [steps, points] = quick ? [30, 5] : [160, 21];
  const optimiser = adamW({ learningRate: 3e-3 });

  const start = attach(base, adapter(base, { bottleneck: 12 }, key.at("adapter")), head(base));
  const tune = async (which: number) => {
    // The same rows in the same order; where the adapter starts is all that differs.
    const from = mapParameters(start.parameters, (tensor, name) =>
      name.startsWith("head/") ? tensor.clone() : key.at("start").at(which).at(name).normal(tensor.shape, 0, 0.08),
    );
    const { parameters } = await result(
      train(start, rows, { optimiser, steps, clipNorm: 1, start: { parameters: from } }),
    );
    disposeParameters(from);
    return start.with(parameters);
  };
  const [a, b] = [await tune(1), await tune(2)];

  const found: Record<string, PathMeasurement> = {};
  const measure = async (name: string, path: Path): Promise<void> => {
    found[name] = await measureBarrier(start, path, fresh, { points });
    say(`${name}: barrier ${found[name].barrierLinear.toFixed(4)} nats`);
  };
  await measure("line", line(a, b));
  const aligned = await align(a, b);
  say(
    `${aligned.groups.filter(({ moved }) => moved > 0).length} of ${aligned.groups.length} bottlenecks were permuted`,
  );
  await measure("aligned", line(a, aligned));
  const straight = bezier(a, aligned, { bends: 1 });
  const curve = await result(
    trainCurve(start, straight, rows, { optimiser: adamW({ learningRate: 1e-3 }), steps, clipNorm: 1 }),
  );
  await measure("curve", curve.path);

  const evaluator = await createEvaluator(start, fresh);
  const merges = { a, b, mean: await mergePoints([a, b]), "mean of the aligned": await mergePoints([a, aligned]) };
  const scores = [];
  for (const [name, point] of Object.entries(merges)) {
    const { loss, accuracy } = await evaluator.measure(point);
    scores.push([name, loss, 100 * accuracy!] as const);
  }
  evaluator.dispose();
  const columns = [
    { name: "model" },
    { name: "loss", unit: "nats", digits: 4 },
    { name: "accuracy", unit: "%", digits: 1 },
  ];
  say(`\n${textTable({ columns, rows: scores })}\n`);

  const figure = plotPath(found, {
    title: "Loss between two tunings",
    description: "On rows that neither learned from.",
  });
  const page = report({
    title: "Between two tunings of one model",
    sections: [
      { title: "Along the paths", blocks: [figure, table({ caption: "Ends and their means", columns, rows: scores })] },
    ],
  });
  const plain = Object.entries(found).map(([name, { points: _, ...measured }]) => ({ name, ...measured }));
  await writeFile(join(out, "report.html"), page.html());
  await writeFile(
    join(out, "results.json"),
    `${JSON.stringify({ backend, seed, steps, paths: plain, scores }, null, 1)}\n`,
  );
  say(`${join(out, "report.html")} shows it`);
  const owned = [
    curve.parameters,
    ...straight.nodes.slice(1, -1),
    aligned.parameters,
    merges.mean,
    merges["mean of the aligned"],
  ];
  for (const tree of [...owned, a.parameters, b.parameters, start.parameters, base.parameters]) disposeParameters(tree);
}

try {
  await main(readSettings());
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`connect-models: ${message}\n`);
  process.exitCode = code === "CONFIG" || code?.startsWith("ERR_PARSE_ARGS") === true ? WRONG_USE : 1;
}
