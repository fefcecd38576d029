import { quickjs } from "../src/quickjs/quickjs.ts";
import { runPackage } from "../src/run-package.ts";

/** The JavaScript sandboxes, by name. */
export const adapters = { quickjs, run: runPackage } as const;
