import type { Solved, Step } from "@cambium/evaluation";
import type { CreationLevel } from "../code/tool-shape.ts";
import type { CreatorStateName } from "./machine.ts";

/** The run went from one state to the next; `step` is the work that led there, with hashes, usage and time. */
export interface TransitionEvent {
  readonly type: "transition";
  readonly from: CreatorStateName;
  readonly to: CreatorStateName;
  readonly step?: Step;
}

/** What became of the tool in the library. */
export interface LibraryEvent {
  readonly type: "library";
  /** `kept`: a new draft; `known`: one that does the same was there; `failed`: see `message`; the answer stands all the same. */
  readonly outcome: "kept" | "known" | "failed";
  /** Id of the tool in the library. */
  readonly id?: string;
  readonly message?: string;
}

/** The tool that a run made. */
export interface CreatedTool {
  /** Its source; empty when none was made. */
  readonly source: string;
  /** Name of the function to call; empty when there is none. */
  readonly name: string;
  readonly parameters: readonly string[];
  readonly documentation: string;
  /** Whether it loads by itself. */
  readonly valid: boolean;
  /** How it relates to other tools; see `CreationLevel`. */
  readonly level: CreationLevel;
  /** Names of the library tools that it calls. */
  readonly dependencies: readonly string[];
  /** SHA-256 of the prompt that it is the reply to. */
  readonly promptHash: string;
}

/** The end of a run. */
export interface CreatorEnd extends Solved {
  readonly tool: CreatedTool;
  /** The code that called the tool last; a whole program where a repair could not be taken apart. */
  readonly call: string;
}

/** What happens while `createTools` runs. */
export type CreatorEvent = TransitionEvent | LibraryEvent | CreatorEnd;
