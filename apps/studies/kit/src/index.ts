/** The command of a study: it states its parts and its page, and the rest is here. Runs take what they share from `runs.ts`. */
export { readSettings, type Settings, wrongUse } from "./flags.ts";
export { markdownTable } from "./markdown.ts";
export { type Finished, finishedRuns, type PageText, type PartState } from "./page.ts";
export type { NamedExtent, OwnOption, OwnVerb, Part, StudyProgram } from "./program.ts";
export { runProgram } from "./run-program.ts";
