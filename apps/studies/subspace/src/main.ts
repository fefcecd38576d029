/** The study's command. Read `plan.ts`, `study.ts` and `runs.ts` first. */
import { runProgram } from "@cambium/study-kit";
import { subspace } from "./program.ts";

await runProgram(subspace);
