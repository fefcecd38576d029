/** The study's command. Read `plan.ts`, `parts.ts` and `run.ts` first. */
import { runProgram } from "@cambium/study-kit";
import { fastPromptTuning } from "./program.ts";

await runProgram(fastPromptTuning);
