import { CambiumError } from "@cambium/base";
import { describeTargets, type HostSource } from "@cambium/delta";
import { type AnyMethod, deltaMethods } from "./delta-methods.ts";

/** What a method trains with its defaults, or why it cannot. */
export interface MethodCount {
  readonly method: string;
  /** Trained scalars. */
  readonly trained?: number;
  /** Of the model's scalars, 0 to 1. */
  readonly share?: number;
  /** Roles that it goes to, or modules without one. */
  readonly places?: readonly string[];
  readonly problem?: string;
}

/** Every method of `@cambium/delta`, by the least that it trains. No weight is read. */
export function countMethods(model: HostSource): MethodCount[] {
  const counts = [...deltaMethods].map(([name, method]) => countMethod(model, name, method));
  return counts.sort((a, b) => (a.trained ?? Number.POSITIVE_INFINITY) - (b.trained ?? Number.POSITIVE_INFINITY));
}

function countMethod(model: HostSource, method: string, value: AnyMethod): MethodCount {
  try {
    const { rows, trained, total } = describeTargets(model, value, {});
    const places = [...new Set(rows.map(({ role, path }) => role ?? path))];
    return { method, trained, share: trained / total, places };
  } catch (error) {
    if (!(error instanceof CambiumError) || error.code !== "CONFIG") throw error;
    return { method, problem: error.message };
  }
}
