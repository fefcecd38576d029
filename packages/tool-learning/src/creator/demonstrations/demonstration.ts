/** A worked example: a question, the tool that was made for it, and the code that calls it. */
export interface Demonstration {
  readonly question: string;
  readonly context?: string;
  /** Reasoning about which tool helps, shown where thought is asked for. */
  readonly toolThought: string;
  readonly tool: string;
  /** Reasoning about how to call it. */
  readonly callThought: string;
  readonly call: string;
  /** The same solved in plain code, without a function: for the method that goes without tools. */
  readonly program: string;
  /** The same solved in words: for the method that goes without code. */
  readonly worked: string;
  /** What the programs print behind the marker. */
  readonly answer: string;
}

/** A worked repair: a program with a real error, what was wrong, and the program that works. */
export interface RepairDemonstration {
  readonly question: string;
  readonly program: string;
  /** The error as the sandbox tells it. */
  readonly error: string;
  readonly diagnosis: string;
  readonly repaired: string;
}

/** Worked examples for one kind of task, the same for all of them. */
export interface DemonstrationSet {
  /** Name, for manifests. */
  readonly name: string;
  /** Language of the code; a sandbox for another one refuses the set. @default any */
  readonly language?: "javascript" | "python";
  readonly examples: readonly Demonstration[];
  readonly repair?: RepairDemonstration;
}

/** No examples at all. */
export const noDemonstrations: DemonstrationSet = { name: "none", examples: [] };
