import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { configureOnnx } from "@cambium/backend-onnx";
import { disposeParameters, useBackend } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import type { RunContext } from "@cambium/experiments";
import { collate, loadModel, loadTokenizer, type RunnableModel } from "@cambium/models";
import { labelled, modelSource } from "@cambium/study-kit/runs";
import { measureClassification } from "@cambium/tasks";
import type { LoadedTask, RealRow } from "@cambium/tasks/real";
import { adamW, batches, linear, train } from "@cambium/train";
import { BATCH_SIZE, EVALUATIONS, MAX_LENGTH, PAD_TO, RANK, RECIPES } from "./plan.ts";
import { seedOf, type TableCell, trainRows } from "./rows.ts";

configureOnnx({ threads: 1 }); // several workers share the cores

const cut = (rows: readonly RealRow[]) => labelled(rows, MAX_LENGTH);

/** Accuracy on the test rows of a model whose head alone, or LoRA and head, was trained. */
export async function tunedScore(loaded: LoadedTask, cell: TableCell, context: RunContext): Promise<number> {
  const [model, kind] = cell.method.split("-") as ["minilm" | "sapling", "frozen" | "tuned"];
  await useBackend("onnx");
  const seed = seedOf(cell).at(cell.method);
  const source = modelSource(model === "minilm" ? model : "bert-4x256");
  const base = await loadModel(source, { head: loaded.task.head("class-head"), random: seed.at("head") });
  const tokenizer = await loadTokenizer(source);
  const deltas =
    kind === "frozen"
      ? [head(base)]
      : [lora(base, { rank: RANK, targets: ["attn.q", "attn.v"] }, seed.at("delta")), head(base)];
  const tuned = attach(base, ...deltas);
  const classify = async (at: RunnableModel, rows: readonly RealRow[]): Promise<number> => {
    const classifier = loaded.task.classifier(at, tokenizer, { form: "class-head", maxLength: MAX_LENGTH });
    return measureClassification(
      await classifier(cut(rows)),
      rows.map(({ label }) => label!),
    ).accuracy;
  };
  const { learningRate, fewSteps, epochs } = RECIPES[kind];
  const data = batches(
    cut(trainRows(loaded, cell)),
    collate(base, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO }),
    {
      size: BATCH_SIZE,
      random: seed.at("order"),
      buckets: ({ text, pair = "" }) => text.length + pair.length,
    },
  );
  const steps = cell.rows === "full" ? epochs * data.batchCount! : fewSteps;
  const run = train(tuned, data, {
    optimiser: adamW({ learningRate: linear(learningRate, { warmUp: Math.ceil(steps / 10), steps }) }),
    steps,
    clipNorm: 1,
    random: seed.at("dropout"),
    evaluate: {
      every: Math.ceil(steps / EVALUATIONS),
      run: async (parameters) => ({ accuracy: await classify(tuned.with(parameters), loaded.dev) }),
      best: { metric: "accuracy", direction: "highest" },
    },
    checkpoint: { files: join(context.scratch, "run"), every: 100 },
    signal: context.signal,
  });
  for await (const event of run) {
    if (event.type === "step") {
      context.progress(event.step / steps);
      await setImmediate(); // lets a stop in
    }
    if (event.type !== "end") continue;
    const score = await classify(tuned.with(event.parameters), loaded.test);
    for (const tree of [event.parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
    return score;
  }
  throw new Error("internal: the training run ended without an end event");
}
