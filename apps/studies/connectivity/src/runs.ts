/** The runs of all parts, as worker processes find them. */
import { result } from "@cambium/base";
import {
  align,
  bezier,
  createCartographer,
  createEvaluator,
  line,
  measureBarrier,
  measureKnowledge,
  symmetriesOf,
  trainCurve,
} from "@cambium/connectivity";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import type { RunContext, StepCost } from "@cambium/experiments";
import { adamW, spearman } from "@cambium/train";
import { permutedCopy } from "./copies.ts";
import { openBench } from "./ends.ts";
import { type Cell, NO_BARRIER, RATES } from "./plan.ts";

/** What a pair of ends gives. Losses in nats, scores in points of percent. */
export interface PairResult extends Record<string, number> {
  readonly barrier: number;
  readonly scoreDrop: number;
  readonly middle: number;
  readonly ends: number;
  readonly aligned: number;
  readonly curve: number;
  /** Share of the barrier that the curve takes away; 1 where there is none. */
  readonly removed: number;
  /** Barrier to a copy of the first end whose units were permuted, once it was aligned. */
  readonly copy: number;
  readonly distance: number;
}

/** Two ends, the line between them, the same aligned, a curve. */
export async function pair(cell: Cell, context: RunContext): Promise<PairResult> {
  const bench = await openBench(cell, context);
  const { start, fresh, learned } = bench;
  const owned: Parameters[] = [];
  const keep = <Tree extends Parameters>(tree: Tree): Tree => {
    owned.push(tree);
    return tree;
  };
  try {
    const a = keep(await bench.end(0));
    context.progress(0.25);
    const b = keep(await bench.end(1));
    context.progress(0.5);
    const options = { points: cell.points, resamples: 0 };
    const straight = await measureBarrier(start, line(a, b), fresh, options);
    const aligned = await align(start.with(a), start.with(b));
    keep(aligned.parameters);
    const moved = aligned.isIdentity ? straight : await measureBarrier(start, line(a, aligned), fresh, options);
    context.progress(0.7);
    const path = bezier(a, b, { bends: 1 });
    for (const node of path.nodes.slice(1, -1)) keep(node);
    const trained = await result(
      trainCurve(start, path, learned, {
        optimiser: adamW({ learningRate: RATES[cell.method] / 3 }),
        steps: cell.curveSteps,
        clipNorm: 1,
        random: random(cell.seed).at("curve"),
        signal: context.signal,
      }),
    );
    keep(trained.parameters);
    const curved = await measureBarrier(start, trained.path, fresh, options);
    let copy = 0;
    if (symmetriesOf(start).length > 0) {
      const permuted = keep(permutedCopy(start, a, random(cell.seed).at("copy")));
      const back = await align(start.with(a), start.with(permuted));
      keep(back.parameters);
      copy = (await measureBarrier(start, line(a, back), fresh, options)).barrier;
    }
    const scores = straight.accuracies!;
    return {
      barrier: straight.barrierLinear,
      scoreDrop: 100 * straight.scoreDrop!,
      middle: 100 * scores[Math.floor(scores.length / 2)]!,
      ends: 50 * (scores[0]! + scores.at(-1)!),
      aligned: moved.barrierLinear,
      curve: curved.barrierLinear,
      removed: straight.barrierLinear < NO_BARRIER ? 1 : 1 - curved.barrierLinear / straight.barrierLinear,
      copy,
      distance: straight.length,
    };
  } finally {
    for (const tree of owned) disposeParameters(tree);
    bench.dispose();
  }
}

/** Steps that are looked at for the plan, of which the first also compile. */
const LOOKS = 9;

/** What one step costs, in processor time, and all that comes beside the steps. */
export async function pairStep(cell: Cell, context: RunContext): Promise<StepCost> {
  const spent = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const begin = spent();
  const bench = await openBench({ ...cell, steps: LOOKS }, context);
  const marks: number[] = [];
  const end = await bench.end(0, {
    every: 1,
    see: async () => {
      marks.push(spent());
    },
  });
  const trained = spent();
  await measureBarrier(bench.start, line(end, end), bench.fresh, { points: 3, resamples: 0 });
  const pointMs = (spent() - trained) / 3;
  disposeParameters(end);
  bench.dispose();
  const steps = marks.slice(1).map((mark, i) => mark - marks[i]!);
  const stepMs = steps.toSorted((x, y) => x - y)[Math.floor(steps.length / 2)]!;
  const setupMs = trained - begin - LOOKS * stepMs;
  return { stepMs, steps: 2 * cell.steps + cell.curveSteps, setupMs: Math.max(0, setupMs) + 4 * cell.points * pointMs };
}

/** What is forgotten of one half of the rows on the way to an end that learned from the other. */
export interface KnowledgeResult extends Record<string, number> {
  /** Rank correlation between the place along the path and the confidence of what is forgotten there. */
  readonly trend: number;
  readonly forgotten: number;
  readonly learned: number;
}

const KNOWLEDGE_POINTS = 6;
const RECORDS = 8;

export async function knowledge(cell: Cell, context: RunContext): Promise<KnowledgeResult> {
  const bench = await openBench(cell, context);
  const evaluator = await createEvaluator(bench.start, bench.inOrder);
  const owned: Parameters[] = [];
  try {
    const map = createCartographer(evaluator);
    const every = Math.max(1, Math.floor(cell.steps / RECORDS));
    const a = await bench.end(0, { every, see: (at) => map.record(at) });
    owned.push(a);
    context.progress(0.5);
    const b = await bench.end(1);
    owned.push(b);
    const options = { points: KNOWLEDGE_POINTS, resamples: 0 };
    const { steps } = measureKnowledge(
      await measureBarrier(bench.start, line(a, b), bench.inOrder, options),
      map.result(),
    );
    const seen = steps.filter(({ forgottenConfidence }) => forgottenConfidence !== undefined);
    const trend =
      seen.length < 3
        ? 0
        : spearman(
            seen.map(({ t }) => t),
            seen.map(({ forgottenConfidence }) => forgottenConfidence!),
          );
    const count = (which: "forgotten" | "learned"): number => steps.reduce((sum, step) => sum + step[which].length, 0);
    return { trend: Number.isFinite(trend) ? trend : 0, forgotten: count("forgotten"), learned: count("learned") };
  } finally {
    evaluator.dispose();
    for (const tree of owned) disposeParameters(tree);
    bench.dispose();
  }
}
