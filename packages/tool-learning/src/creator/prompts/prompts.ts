import type { SourcePart } from "@cambium/sandbox";
import type { Task } from "../../problem.ts";
import type { Prompt } from "../../solving/prompt.ts";
import type { DemonstrationSet } from "../demonstrations/demonstration.ts";
import { creationPrompt } from "./creation.ts";
import { decisionPrompt } from "./decision.ts";
import { rectificationPrompt } from "./rectification.ts";

/** What every prompt is written from. */
export interface PromptInput {
  readonly task: Task;
  readonly language: "javascript" | "python";
  readonly demonstrations: DemonstrationSet;
  /** Whether demonstrations carry reasoning before the code, and the reply shall. */
  readonly thought: boolean;
}

/** A tool that exists already and may be called. */
export interface KnownTool {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly documentation: string;
}

/** What the prompt for a tool is written from. */
export interface CreationInput extends PromptInput {
  /** Tools of the library that the new one may call. */
  readonly known: readonly KnownTool[];
}

/** What the prompt for the calling code is written from. */
export interface DecisionInput extends PromptInput {
  /** Source of the tool; empty when none was made. */
  readonly tool: string;
}

/** What the prompt for a repair is written from. */
export interface RectificationInput extends PromptInput {
  readonly program: readonly SourcePart[];
  /** What went wrong, ready to be shown. */
  readonly error: string;
  /** Errors of earlier attempts, oldest first; empty when they are not to be shown. */
  readonly earlier: readonly string[];
  /** Whether tool or call may be returned alone. */
  readonly allowPartial: boolean;
}

/** The words in which a model is asked. Replace any of them. */
export interface CreatorPrompts {
  /** Asks for a tool. */
  creation(input: CreationInput): Prompt;
  /** Asks for the code that calls it. */
  decision(input: DecisionInput): Prompt;
  /** Asks for a repair. */
  rectification(input: RectificationInput): Prompt;
}

/** The prompts of this package, in English. */
export const defaultPrompts: CreatorPrompts = {
  creation: creationPrompt,
  decision: decisionPrompt,
  rectification: rectificationPrompt,
};
