/** The tests of a seed: tasks in a world that nothing was learnt from, whose instructions no lesson has. */
import { runExpert, type Task, toolbox, toolCards } from "@cambium/toolbox";
import { type Extent, isUnseen, testedWorld, trainedWorld } from "./plan.ts";

/** A task, and the tools that its expert calls. */
export interface Test {
  readonly task: Task;
  readonly tools: ReadonlySet<string>;
}

/** Instructions that a seed trains on. */
async function taughtOf({ kits, worlds, perWorld }: Extent, seed: number): Promise<ReadonlySet<string>> {
  const seen = kits.filter((kit) => !isUnseen(kits, kit, seed));
  const cards = [];
  for (let world = 1; world <= worlds; world++)
    cards.push(...(await toolCards({ seed: trainedWorld(seed, world), kits: seen, each: perWorld })));
  return new Set(cards.flatMap(({ tasks }) => tasks.map(({ instruction }) => instruction)));
}

/** Of each kind the first few that are new. */
function chosen(tasks: readonly Task[], taught: ReadonlySet<string>, each: number): readonly Task[] {
  const counts = new Map<string, number>();
  return tasks.filter(({ set, kind, instruction }) => {
    const count = counts.get(`${set}/${kind}`) ?? 0;
    if (taught.has(instruction) || count >= each) return false;
    counts.set(`${set}/${kind}`, count + 1);
    return true;
  });
}

const known = new Map<string, Promise<ReadonlyMap<string, Test>>>();

async function find(extent: Extent, seed: number): Promise<ReadonlyMap<string, Test>> {
  const { kits, drawn, each } = extent;
  const setup = { seed: testedWorld(seed), kits };
  const cards = await toolCards({ ...setup, each: drawn });
  const taught = await taughtOf(extent, seed);
  const box = toolbox(setup);
  const start = box.snapshot();
  try {
    const tests = new Map<string, Test>();
    for (const { set, tasks } of cards) {
      const kit = box.kits.find(({ id }) => id === set)!;
      for (const task of chosen(tasks, taught, each)) {
        box.restore(start);
        const { steps } = await runExpert(task, kit);
        tests.set(task.id, { task, tools: new Set(steps.map(({ tool }) => tool)) });
      }
    }
    return tests;
  } finally {
    await box.close();
  }
}

/** The tests of a seed by id, found once in a process. */
export function testsOf(extent: Extent, seed: number): Promise<ReadonlyMap<string, Test>> {
  const key = `${extent.name} ${seed}`;
  const found = known.get(key) ?? find(extent, seed);
  known.set(key, found);
  return found;
}
