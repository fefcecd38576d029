/** The runs, as worker processes find them: perhaps some training, then the cards in one setting. */
import { join } from "node:path";
import { disposeParameters } from "@cambium/core";
import { type EvaluationRecord, loadResults, runEvaluation } from "@cambium/evaluation";
import type { RunContext } from "@cambium/experiments";
import { local, openModels } from "@cambium/llm";
import type { RunnableModel, Tokenizer } from "@cambium/models";
import { cardEvaluation } from "@cambium/toolbox";
import { agentOf, WRITING } from "./agent.ts";
import { learn, lessonsOf } from "./learn.ts";
import { type Measured, measure } from "./measure.ts";
import { openModel } from "./model.ts";
import { AT_ONCE, type Cell, extentOf, OFFERED, SHOTS, testedWorld } from "./plan.ts";
import { testsOf } from "./tests.ts";

/** Share of a run's time that its training takes, for its progress. */
const TRAINING_SHARE = 0.6;

/** What a model makes of the tests of a cell. What was done before a stop is kept. */
async function evaluate(
  { model, tokenizer }: { readonly model: RunnableModel; readonly tokenizer: Tokenizer },
  cell: Cell,
  { signal, scratch, progress }: RunContext,
): Promise<readonly EvaluationRecord[]> {
  const extent = extentOf(cell);
  const { kits, drawn: each } = extent;
  const tests = await testsOf(extent, cell.seed);
  const source = local(model, tokenizer, { ...WRITING, maxBatch: AT_ONCE });
  const models = await openModels({ store: ":memory:" });
  const cards = await cardEvaluation({
    ...{ model: models.model(source), setting: cell.setting, seed: testedWorld(cell.seed), kits, each },
    ...{ shots: SHOTS, offer: OFFERED, agent: agentOf(extent) },
  });
  const results = join(scratch, "evaluation");
  const rows = cards.rows.filter(({ id }) => tests.has(id));
  const from = cell.state === "tuned" ? TRAINING_SHARE : 0;
  try {
    const { solver, grader } = cards;
    for await (const event of runEvaluation(solver, rows, { grader, results, concurrency: AT_ONCE, signal })) {
      if (event.type === "row") progress(from + ((1 - from) * event.done) / rows.length);
      if (event.type === "end" && event.reason !== "finished")
        throw new Error(`the evaluation ended as ${event.reason}: ${event.failure?.message ?? "it was stopped"}`);
    }
  } finally {
    await cards.close();
    await models.close();
    await source.close();
  }
  const records: EvaluationRecord[] = [];
  for await (const record of (await loadResults(results)).records()) records.push(record);
  return records;
}

/** A cell of the study. */
export async function use(cell: Cell, context: RunContext): Promise<Measured> {
  const extent = extentOf(cell);
  const opened = await openModel(extent.model);
  const tests = await testsOf(extent, cell.seed);
  if (cell.state === "untuned") return measure(extent, cell.seed, tests, await evaluate(opened, cell, context));
  const { signal, scratch } = context;
  const lessons = await lessonsOf(extent, opened.tokenizer, cell.seed, scratch);
  const learnt = await learn(opened, lessons.rows, {
    ...{ seed: cell.seed, steps: cell.steps, signal, scratch },
    onStep: (step) => context.progress((TRAINING_SHARE * step) / cell.steps),
  });
  if (learnt === undefined) throw new Error("it was stopped in its training");
  const { tuned, loss } = learnt;
  try {
    const records = await evaluate({ model: tuned, tokenizer: opened.tokenizer }, cell, context);
    const about = { rows: lessons.rows.length, tooLong: lessons.tooLong, loss };
    return { ...measure(extent, cell.seed, tests, records), ...about };
  } finally {
    disposeParameters(tuned.parameters);
  }
}
