import { join } from "node:path";
import { folder } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { attach, head, prompt, saveAdapter } from "@cambium/delta";
import {
  flops,
  partial,
  planStages,
  runFastPromptTuning,
  type Stages,
  scoreNeurons,
  stagesOf,
} from "@cambium/fast-prompt-tuning";
import { collate, type HeadConfig, type LanguageModel, loadModel, loadTokenizer } from "@cambium/models";
import { adamW, batches } from "@cambium/train";
import { Command, Option } from "commander";
import { checkNumbers } from "../finetune/plan.ts";
import { type Io, UseError } from "../io.ts";
import { MODEL_ARGUMENT, modelFiles, modelPath } from "../models/source.ts";
import { openTable, sayTable } from "../models/table.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount, parseFraction } from "./parse-count.ts";

interface FptFlags {
  readonly model: string;
  readonly text?: string;
  readonly label?: string;
  readonly kind?: "classes" | "numbers";
  readonly stages: "paper" | "paper-depth" | "paper-width";
  readonly saving?: number;
  readonly steps: number;
  readonly prompt: number;
  readonly rate: number;
  readonly batchSize: number;
  readonly maxLength: number;
  readonly seed: number;
  readonly out: string;
  readonly json?: true;
}

const EXAMPLE = `
Example, with the model that ships with Cambium; the same command resumes after Ctrl-C or a crash:
  $ cambium fpt tickets.csv --model sapling:bert-4x256 --steps 200
Example, saving half of the operations:
  $ cambium fpt tickets.csv --model sapling:bert-4x256 --saving 0.5`;

/** Where in the folder checkpoints lie, and what neurons are worth. */
const [UNFINISHED, SCORES] = ["unfinished", "scores"];

/** `cambium fpt`: a prompt on a model that grows. */
export function fpt(io: Io): Command {
  return new Command("fpt")
    .description("Tune a prompt on a model that grows from a few layers and neurons to all: fast prompt tuning.")
    .argument("<table>", "a file of labelled texts, or its address")
    .requiredOption("--model <model>", MODEL_ARGUMENT)
    .option("--text <column>", "column of the texts (default: found, and said)")
    .option("--label <column>", "column of classes or numbers (default: found, and said)")
    .addOption(
      new Option("--kind <kind>", "what labels are, where numbers could be either").choices(["classes", "numbers"]),
    )
    .addOption(
      new Option("--stages <name>", "what grows").choices(["paper", "paper-depth", "paper-width"]).default("paper"),
    )
    .option("--saving <share>", "part of the operations to save, in place of the paper's shares", parseFraction)
    .option("--steps <number>", "steps of the whole run", parseCount, 200)
    .option("--prompt <rows>", "rows of the prompt", parseCount, 10)
    .option("--rate <number>", "learning rate of the prompt", parseFraction, 0.03)
    .option("--batch-size <number>", "rows in a step", parseCount, 16)
    .option("--max-length <number>", "most tokens of a row", parseCount, 64)
    .option("--seed <number>", "seed of the start and the order", parseSeed, 1)
    .option("--out <folder>", "where the adapter goes", "runs/fpt")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action((path: string, flags: FptFlags) => tune(io, path, flags));
}

async function tune(io: Io, path: string, flags: FptFlags): Promise<void> {
  const { text, label, kind, json } = flags;
  if (flags.saving !== undefined && flags.stages !== "paper")
    throw new UseError("fpt: --saving grows layers and neurons together; leave out --stages");
  await checkOwn(flags.out);
  const table = await openTable("fpt", path, {
    ...(text !== undefined && { text }),
    ...(label !== undefined && { label }),
    ...(kind !== undefined && { kind }),
  });
  sayTable(io, table, flags);
  if (table.kind === "numbers") checkNumbers(table, "fpt");
  await useBackend();
  const source = modelFiles(io, "fpt", flags.model);
  const key = random(flags.seed);
  const headConfig: HeadConfig =
    table.kind === "classes" ? { kind: "sequence-classification", labels: table.labels } : { kind: "regression" };
  const base: LanguageModel = await loadModel(source, { head: headConfig, random: key.at("head") });
  const tuned = attach(base, head(base), prompt(base, { length: flags.prompt }, key.at("prompt")));
  try {
    const tokenizer = await loadTokenizer(source);
    const rows = table.rows.map((row) => ({
      text: row.text,
      ...(row.pair !== undefined && { pair: row.pair }),
      label: row.label!,
    }));
    const size = Math.min(flags.batchSize, rows.length);
    const data = batches(rows, collate(base, tokenizer, { maxLength: flags.maxLength, padTo: [flags.maxLength] }), {
      size,
      random: key.at("order"),
    });
    const stages = flags.saving === undefined ? flags.stages : stagesFor(tuned, flags.saving, flags.maxLength);
    if (stagesOf(stages, flags.steps).every(({ depth, width }) => depth === 1 && width === 1))
      throw new UseError(`fpt: of ${flags.steps} steps none is left for parts of the model; take more --steps`);
    const neurons =
      stages === "paper-depth"
        ? undefined
        : await scoreNeurons(tuned, data, { examples: 128, cache: join(flags.out, SCORES) });
    const run = runFastPromptTuning(tuned, data, {
      stages,
      steps: flags.steps,
      optimiser: adamW({ learningRate: flags.rate, weightDecay: 0 }),
      clipNorm: 1,
      random: key.at("dropout"),
      signal: io.signal,
      checkpoint: join(flags.out, UNFINISHED),
      ...(neurons !== undefined && { neurons }),
    });
    for await (const event of run) {
      if (event.type === "warning" && !json) io.error(event.message);
      if (event.type === "grow" && !json)
        io.error(
          `stage ${event.stage}, steps ${event.from + 1} to ${event.to}: ${event.layers.join(" of ")} layers, ${event.neurons.join(" of ")} neurons in them`,
        );
      if (event.type === "step") io.live?.(`step ${event.step} of ${flags.steps}  loss ${event.loss.toFixed(3)}`);
      if (event.type !== "end") continue;
      if (event.reason === "stopped") {
        disposeParameters(event.parameters);
        io.error(`fpt: stopped with a checkpoint in ${join(flags.out, UNFINISHED)}; the same command resumes`);
        return;
      }
      await saveAdapter(tuned.with(event.parameters), flags.out, { base: modelPath(flags.model) });
      disposeParameters(event.parameters);
      const saved = 1 - event.flops / event.wholeFlops;
      const seconds = event.elapsedMs / 1000;
      if (json) io.out(JSON.stringify({ out: flags.out, gflop: event.flops / 1e9, saved, seconds }));
      else
        io.out(
          `adapter in ${flags.out}; ${(event.flops / 1e9).toFixed(1)} GFLOP of training, ${share(saved)} less than on the whole model, in ${seconds.toFixed(1)} s`,
        );
    }
  } finally {
    disposeParameters(tuned.parameters);
    disposeParameters(base.parameters);
  }
}

/**
 * Throws where a folder holds something else than a run of `fpt`: an adapter in it would be lost.
 *
 * @throws {UseError}
 */
async function checkOwn(out: string): Promise<void> {
  const names = (await folder(out).list()).map(({ name }) => name);
  const isOwn = names.some((name) => name.startsWith(`${UNFINISHED}/`) || name.startsWith(`${SCORES}/`));
  if (names.length > 0 && !isOwn) throw new UseError(`fpt: ${out} holds something else; name another folder`);
}

const share = (value: number): string => `${(100 * value).toFixed(0)} %`;

/** Stages that save a part of the operations, by what parts of this model cost. */
function stagesFor(tuned: Parameters<typeof partial<LanguageModel>>[0], saving: number, length: number): Stages {
  const whole = flops(tuned, { length }).step;
  const costs = [0.25, 0.5, 0.75].map((size) => {
    const part = partial(tuned, { depth: size, width: size });
    const cost = flops(part, { length }).step / whole;
    part.base.dispose();
    return cost;
  });
  return planStages({ targetSaving: saving, costs });
}
