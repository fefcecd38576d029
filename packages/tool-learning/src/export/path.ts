/** Paths through trajectories: from the first request to a step. */
import type { ModelStep, Step, ToolStep, Trajectory } from "@cambium/evaluation";

/** A request on a path, with what came of its calls. */
export interface PathTurn {
  readonly step: ModelStep;
  /** What the user side said right before; empty where results came before. */
  readonly prompt: string;
  readonly results: readonly ToolStep[];
}

/** The steps of a trajectory by index. */
const byIndex = (steps: readonly Step[]): ReadonlyMap<number, Step> => new Map(steps.map((step) => [step.index, step]));

/** Requests that work on the same result: the ways that a search tried from one place, in order. */
export function waysFrom(steps: readonly Step[], parent: number | undefined, stage: string): readonly ModelStep[] {
  return steps.filter(
    (step): step is ModelStep => step.kind === "model" && step.parent === parent && step.stage === stage,
  );
}

function turnOf(steps: readonly Step[], step: ModelStep): PathTurn {
  // Where a search tries another way it says which were tried: the first way was asked without that.
  const [first] = waysFrom(steps, step.parent, step.stage);
  const results = steps.filter((each): each is ToolStep => each.kind === "tool" && each.parent === step.index);
  return { step, prompt: first?.prompt ?? step.prompt, results };
}

/** The path that ends with a step, the first request first. */
export function pathTo({ steps }: Trajectory, leaf: number): readonly PathTurn[] {
  const known = byIndex(steps);
  const path: PathTurn[] = [];
  const seen = new Set<number>();
  for (let at = known.get(leaf); at !== undefined && !seen.has(at.index); ) {
    seen.add(at.index);
    if (at.kind === "model") path.unshift(turnOf(steps, at));
    at = at.parent === undefined ? undefined : known.get(at.parent);
  }
  return path;
}
