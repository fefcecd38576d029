/** The study's command. Read `plan.ts`, `parts.ts` and `runs.ts` first. */
import { runProgram } from "@cambium/study-kit";
import { recycling } from "./program.ts";

await runProgram(recycling);
