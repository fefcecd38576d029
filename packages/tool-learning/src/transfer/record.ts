import type { Cost, Failure, Grade, Step, Trajectory } from "@cambium/evaluation";

/** The tool that was made for one scenario, and what it did for the others. */
export interface TransferTool {
  /** Id of the scenario that it was made for. */
  readonly madeFor: string;
  readonly source: string;
  readonly name: string;
  /** Whether its own question was answered rightly: the figure without transfer. */
  readonly own: Grade;
  /** What it passed of the checks that know no right answers. */
  readonly validation: Validation;
  /** Uses for the other scenarios. */
  readonly uses: readonly TransferUse[];
  readonly trajectory: Trajectory;
}

/** One use of a tool for a scenario that it was not made for. */
export interface TransferUse {
  readonly scenario: string;
  readonly gold: string;
  readonly answer?: string;
  readonly grade: Grade;
  readonly failure?: Failure;
  readonly steps: readonly Step[];
}

/** Checks of a tool without any right answer: the basis of the validated choice. */
export interface Validation {
  /** It loads by itself. */
  readonly loads: boolean;
  /** Its own question was answered at the first try. */
  readonly firstTry: boolean;
  /** Its recorded calls return the same again, twice. */
  readonly repeats: boolean;
  /** Share of the other questions for which a program with it ran and answered, right or wrong. */
  readonly answered: number;
}

/** One set of an evaluation: a line of its results. */
export interface TransferRecord {
  readonly id: string;
  readonly rowHash: string;
  readonly tools: readonly TransferTool[];
  readonly cost: Cost;
}

/** The number by which tools of a set are compared; with equal numbers the first is taken. From 0 to 4. */
export const validationScore = ({ loads, firstTry, repeats, answered }: Validation): number =>
  Number(loads) + Number(firstTry) + Number(repeats) + answered;

/** Index of the tool that is chosen without knowing any right answer. */
export function chooseTool(tools: readonly TransferTool[]): number {
  const scores = tools.map(({ validation }) => validationScore(validation));
  return scores.indexOf(Math.max(...scores));
}

/** Share of its uses for other scenarios that are right. */
export function transferRate({ uses }: TransferTool): number {
  return uses.filter(({ grade }) => grade.right).length / uses.length;
}
