/** The three settings in which a tool card is put before a model: without tools, with their descriptions, with demonstrations. */
import { ConfigError, checkOptions, type Json } from "@cambium/base";
import type { AnyTool, ToolExample } from "@cambium/tool-learning";
import type { Outcome, Task } from "./card.ts";
import { kitEntry } from "./kits.ts";
import { type ExpertRun, runExpert } from "./run-expert.ts";
import { type FullSetup, fullSetup, type Setup } from "./setup.ts";
import type { Toolkit } from "./toolkit.ts";

/** How much a model is given: nothing but the instruction, tools with their descriptions, or demonstrations as well. */
export type Setting = "no-tool" | "zero-shot" | "few-shot";

/** Options of `demonstrate`. */
export interface DemonstrateOptions extends Setup {
  /** How many demonstrations, of different kinds as far as they go. From 1 to 20. @default 3 */
  readonly shots?: number;
}

/** Options of `openSetting`. */
export type OpenSettingOptions = DemonstrateOptions;

/** What a model gets for the tasks of one kit. */
export interface OpenSetting {
  readonly setting: Setting;
  /** None without tools; with demonstrations each has `examples`. */
  readonly tools: readonly AnyTool[];
  /** What the scripted expert did elsewhere; only with demonstrations. */
  readonly demonstrations: readonly ExpertRun[];
  /** A fresh state by kit, for the environment of a run: `virtual({ state: opened.state })`. */
  state(): { [kit: string]: Json };
  /** Whether a task is solved, by the answer and the environment's state at the end. */
  succeeds(task: Task, end: { readonly answer: string; readonly state?: Json | undefined }): boolean;
  /** Frees what the kit holds. */
  close(): Promise<void>;
}

/** Demonstrations come from worlds of other seeds, so that none gives an answer away. */
const otherSeed = ({ seed, clock }: FullSetup): FullSetup => ({ seed: (seed ^ 0x5eed) >>> 0, clock });
const MOST_SHOTS = 20;
const LONGEST_OUTPUT = 600;

/**
 * What the scripted expert does for instructions that are not in the card of this setup, in a world of another seed.
 *
 * @param kit - The id of a bundled kit.
 * @throws {ConfigError} For a kit that does not exist, or too many demonstrations.
 */
export async function demonstrate(kit: string, options: DemonstrateOptions = {}): Promise<readonly ExpertRun[]> {
  checkOptions("demonstrate", options, ["seed", "clock", "shots"]);
  const { shots = 3, ...given } = options;
  const { card, open } = kitEntry("demonstrate", kit);
  const setup = fullSetup("demonstrate", given);
  if (!Number.isInteger(shots) || shots < 1 || shots > MOST_SHOTS)
    throw new ConfigError({ message: `demonstrate: shots must be from 1 to ${MOST_SHOTS}, got ${shots}` });
  const taken = new Set((await card(setup, 4)).tasks.map(({ instruction }) => instruction));
  const other = otherSeed(setup);
  const free = (await card(other, Math.max(4, shots))).tasks.filter(({ instruction }) => !taken.has(instruction));
  const kinds = [...new Set(free.map(({ kind }) => kind))];
  const rounds = kinds.flatMap((kind) =>
    free.filter((task) => task.kind === kind).map((task, round) => ({ task, round })),
  );
  const chosen = rounds
    .sort((a, b) => a.round - b.round || kinds.indexOf(a.task.kind) - kinds.indexOf(b.task.kind))
    .slice(0, shots);
  if (chosen.length < shots)
    throw new ConfigError({
      message: `demonstrate: there are only ${chosen.length} demonstrations of "${kit}" that are not in its card`,
    });
  const opened = open(other);
  try {
    const start = opened.snapshot();
    const runs: ExpertRun[] = [];
    for (const { task } of chosen) {
      opened.restore(start);
      runs.push(await runExpert(task, opened));
    }
    return runs;
  } finally {
    await opened.close();
  }
}

/** The tools with the calls of the demonstrations as their examples. */
function withExamples({ tools }: Toolkit, demonstrations: readonly ExpertRun[]): AnyTool[] {
  return tools.map((tool) => {
    const examples = demonstrations.flatMap(({ instruction, steps }) =>
      steps
        .filter((step) => step.tool === tool.name)
        .slice(0, 1)
        .map(
          ({ input, output }): ToolExample => ({
            instruction,
            input,
            ...(JSON.stringify(output).length > LONGEST_OUTPUT ? {} : { output }),
          }),
        ),
    );
    return { ...tool, examples };
  });
}

/**
 * Puts a kit before a model in one of the three settings. Close it when its tasks are done.
 *
 * @param kit - The id of a bundled kit.
 * @throws {ConfigError} For a kit or setting that does not exist.
 * @example
 * const opened = await openSetting("mail", "few-shot", { seed: 7 });
 * console.log(opened.tools[0]!.examples);
 * await opened.close();
 */
export async function openSetting(
  kit: string,
  setting: Setting,
  options: OpenSettingOptions = {},
): Promise<OpenSetting> {
  checkOptions("openSetting", options, ["seed", "clock", "shots"]);
  const { shots: _, ...given } = options;
  if (!["no-tool", "zero-shot", "few-shot"].includes(setting))
    throw new ConfigError({
      message: `openSetting: setting must be "no-tool", "zero-shot" or "few-shot", got "${setting}"`,
    });
  const opened = kitEntry("openSetting", kit).open(fullSetup("openSetting", given));
  const demonstrations = setting === "few-shot" ? await demonstrate(kit, options) : [];
  const start = opened.snapshot();
  const state = (): { [kit: string]: Json } => (start === null ? {} : { [kit]: structuredClone(start) });
  return {
    setting,
    tools: setting === "no-tool" ? [] : setting === "zero-shot" ? opened.tools : withExamples(opened, demonstrations),
    demonstrations,
    state,
    succeeds(task, { answer, state: end }) {
      if (task.set !== kit)
        throw new ConfigError({ message: `openSetting: the task "${task.id}" is of "${task.set}", not of "${kit}"` });
      const states = (end ?? state()) as { readonly [kit: string]: Json };
      const outcome: Outcome = { answer, state: Object.hasOwn(states, kit) ? states[kit]! : null };
      return task.succeeds(outcome);
    },
    close: () => opened.close(),
  };
}
