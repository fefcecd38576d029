import { quickjs } from "../src/sandbox/quickjs.ts";
import { runPackage } from "../src/sandbox/run-package.ts";

/** The JavaScript sandboxes, by name. */
export const adapters = { quickjs, run: runPackage } as const;
