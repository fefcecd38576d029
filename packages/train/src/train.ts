/**
 * The training loop.
 *
 * Everything that the rest of a run depends on is one value, its `Progress`: parameters, the objective's and the optimiser's
 * state, step, position in the data and the best evaluation so far. A step turns it into the next one, a checkpoint writes it
 * down, and a run that was stopped or killed reads it back and resumes, bit for bit: the randomness of a step is a function of
 * the seed and its number. What the run depends on otherwise is described beside it, so that another run does not take it up.
 */
import { ConfigError, yieldTurn } from "@cambium/base";
import { cloneParameters, type Objective } from "@cambium/core";
import { openCheckpoints } from "./checkpoint/checkpoints.ts";
import { describeRun } from "./checkpoint/description.ts";
import type { Batches } from "./data/batches.ts";
import { type GroupsOfBatches, groupsOfBatches } from "./data/groups-of-batches.ts";
import { isPatienceOver, judge } from "./evaluation.ts";
import type { EndEvent, TrainEvent } from "./events.ts";
import { advance, checkFiniteParameters, type Progress, startProgress } from "./progress.ts";
import { createStep } from "./step.ts";
import { disposeTrees } from "./tensors.ts";
import { checkScheduleLength, countSteps, planTraining, type TrainOptions, type TrainPlan } from "./train-options.ts";

function isFinished({ step, position }: Progress, { steps, epochs }: TrainPlan): boolean {
  return step >= steps || position.epoch >= epochs;
}

/**
 * Throws when a checkpoint holds more steps than the run is to take: its parameters would not be those asked for.
 *
 * @throws {ConfigError} With both numbers.
 */
function checkNotBeyond({ step, position }: Progress, { steps, epochs }: TrainPlan): void {
  if (step <= steps && position.epoch + (position.batch > 0 ? 1 : 0) <= epochs) return;
  const asked = Number.isFinite(steps) ? `${steps} steps` : `${epochs} epochs`;
  throw new ConfigError({
    message: `train: the checkpoint holds ${step} steps, up to batch ${position.batch} of epoch ${position.epoch} (from 0), but the run is to take only ${asked}; choose another folder, or ask for more`,
    step,
    steps,
    epochs,
  });
}

/** Why the run ends here, or undefined when it does not. */
function reasonToEnd(progress: Progress, plan: TrainPlan): EndEvent["reason"] | undefined {
  if (isFinished(progress, plan)) return "finished";
  if (isPatienceOver(progress, plan.evaluate)) return "early-stopped";
  return plan.signal?.aborted ? "stopped" : undefined;
}

/** The last event. Its tensors outlive the run's. */
function endOf(progress: Progress, objective: Objective<never>, plan: TrainPlan, reason: EndEvent["reason"]): EndEvent {
  const { step, best, optimiser, position } = progress;
  const { parameters, state } = best ?? progress;
  return {
    type: "end",
    reason,
    step,
    parameters: cloneParameters(parameters),
    ...(objective.state && { state: cloneParameters(state) }),
    ...(plan.keepOptimiser && {
      optimiser: { step: optimiser.step, tensors: cloneParameters(optimiser.tensors) },
      position,
    }),
    ...(best && { best: { step: best.step, value: best.value } }),
  };
}

/**
 * Trains an objective and reports progress as events: `warning` for what is probably not meant, `step` after every step, `evaluation`, `checkpoint`, and at last `end`
 * with the trained parameters, which the receiver owns.
 *
 * With `checkpoint`, a run started again with the same objective, data and options resumes where the last one stopped, to
 * the very same bits; a finished run only ends again, unless it is given more steps. The checkpoint of a run with anything
 * else is refused. Breaking out of the loop ends the run without a checkpoint; a `signal` ends it with one.
 *
 * @param objective - What is trained, and its loss. Its parameters are the starting point; they are not disposed of.
 * @param data - Batches by epoch. The run disposes of the tensors in the batches that it takes.
 * @throws {ConfigError} When an option is wrong, there is no data, the run is longer than the learning rate's schedule, the
 *         objective cannot describe itself and a checkpoint is asked for, or the checkpoint belongs to another run: all that
 *         differs is listed.
 * @throws {ShapeError} When `start` does not fit.
 * @throws {FileError} When the folder for checkpoints cannot be written to, before the first step.
 * @throws {FormatError} When a checkpoint is damaged; names the file.
 * @throws {StateError} When the loss is not finite, with `step`, `loss` and `learningRate` in its details. The last
 *         checkpoint stays.
 * @example
 * const options = { optimiser: adamW({ learningRate: 1e-3 }), epochs: 3, checkpoint: "runs/spam" };
 * for await (const event of train(tuned, data, options)) console.log(event);
 */
export async function* train<Batch>(
  objective: Objective<Batch>,
  data: Batches<Batch>,
  options: TrainOptions,
): AsyncGenerator<TrainEvent, void, undefined> {
  const plan = planTraining(options);
  const { optimiser, evaluate } = plan;
  const scheduled = optimiser.learningRate.steps;
  const total = countSteps(plan, data);
  checkScheduleLength(plan, total ?? 0);
  const takeStep = createStep(objective, { ...plan, total });
  let progress = startProgress(objective, optimiser, plan.start);
  let groups: GroupsOfBatches<Batch> | undefined;
  try {
    const checkpoints =
      plan.checkpoint &&
      (await openCheckpoints(plan.checkpoint, await describeRun(objective, data, plan, progress, total)));
    const names = { parameters: [...progress.parameters.keys()], state: [...progress.state.keys()] };
    const resumed = await checkpoints?.load(names);
    if (resumed !== undefined) {
      disposeTrees(progress);
      progress = resumed;
      checkNotBeyond(progress, plan);
    }
    groups = groupsOfBatches(data, progress.position, {
      count: plan.accumulate,
      fingerprints: checkpoints !== undefined,
    });
    for (const message of objective.warnings ?? []) yield { type: "warning", step: progress.step, message };
    while (reasonToEnd(progress, plan) === undefined) {
      if (progress.step === scheduled) checkScheduleLength(plan, Number.POSITIVE_INFINITY);
      const startedAt = performance.now();
      const { batches, next } = await groups.take();
      const { point, report } = await takeStep(progress, batches).finally(() => disposeTrees(batches));
      progress = advance(progress, point, next);
      const { step } = progress;
      yield { type: "step", step, ...report, durationMs: performance.now() - startedAt };
      await yieldTurn(); // so that Ctrl-C is heard, and timers fire

      if (evaluate !== undefined && (step % evaluate.every === 0 || isFinished(progress, plan))) {
        const metrics = await evaluate.run(progress.parameters, progress.state);
        if (evaluate.best !== undefined) progress = judge(progress, metrics, evaluate.best);
        yield { type: "evaluation", step, metrics };
      }

      // A stream may be longer than the schedule: what was reached by its end is not lost.
      const isDue = checkpoints?.isDue(step) || step === scheduled;
      if (isDue || reasonToEnd(progress, plan) !== undefined) {
        await checkFiniteParameters(progress, report);
        if (checkpoints !== undefined) yield { type: "checkpoint", step, path: await checkpoints.save(progress) };
      }
    }
    yield endOf(progress, objective, plan, reasonToEnd(progress, plan)!);
  } finally {
    await groups?.close();
    disposeTrees(progress);
  }
}
