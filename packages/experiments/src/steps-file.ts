import { canonicalJson, folder, hasFile, readJson, sha256 } from "@cambium/base";
import * as z from "zod";
import type { MeasuredStep } from "./estimate.ts";
import type { StepCost, Study } from "./study.ts";

const FILE = "steps.json";

const cost = z.strictObject({
  stepMs: z.number().min(0),
  steps: z.number().min(0),
  setupMs: z.number().min(0).default(0),
});

const schema = z.strictObject({
  of: z.string(),
  steps: z.array(cost.extend({ kind: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])) })),
});

/** What a function that measures a step returned, checked. */
export function parseCost(value: unknown): Required<StepCost> | string {
  const parsed = cost.safeParse(value);
  if (parsed.success) return parsed.data;
  return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
}

/** What measured steps depend on. */
const identityOf = ({ name, run }: Study): string =>
  sha256(canonicalJson([name, run.version, run.inputs ?? null, run.step ?? null]));

/** Steps that the last `planStudy` measured for this study; none when its code has changed since. */
export async function loadSteps(path: string, study: Study): Promise<readonly MeasuredStep[]> {
  const files = folder(path);
  if (!(await hasFile(files, FILE))) return [];
  const parsed = schema.safeParse(await readJson(files, FILE).catch(() => undefined)); // a damaged estimate is no estimate
  return parsed.success && parsed.data.of === identityOf(study) ? parsed.data.steps : [];
}

export async function saveSteps(path: string, study: Study, steps: readonly MeasuredStep[]): Promise<void> {
  await folder(path).write(FILE, `${JSON.stringify({ of: identityOf(study), steps }, null, 1)}\n`);
}
