import { canonicalJson, type Json } from "@cambium/base";
import type { Claim, Conflict } from "./events.ts";
import type { Run } from "./run.ts";

/** Numbers this near to each other are one, relative to the larger. */
const SAME_NUMBER = 1e-9;

function isSame(a: Json, b: Json): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return Math.abs(a - b) <= SAME_NUMBER * Math.max(Math.abs(a), Math.abs(b));
  }
  return canonicalJson(a) === canonicalJson(b);
}

/** Notes what a result claims, and gives the claims of others that differ. A newer claim of the same tool replaces its older one. */
export function noteFacts(
  run: Run,
  facts: Readonly<Record<string, Json>>,
  from: Omit<Claim, "value">,
): readonly Conflict[] {
  return Object.entries(facts).flatMap(([name, value]) => {
    const known = run.claims.get(name) ?? new Map<string, Claim>();
    run.claims.set(name, known);
    const claim: Claim = { ...from, value };
    known.set(from.origin, claim);
    const others = [...known.values()].filter((other) => other.origin !== from.origin && !isSame(other.value, value));
    if (others.length === 0) return [];
    const conflict: Conflict = { name, claims: [...others, claim] };
    run.conflicts.push(conflict);
    return [conflict];
  });
}

/** A conflict in words, for the model. */
export function describeConflict({ name, claims }: Conflict): string {
  const said = claims.map(
    ({ origin, value, at, index }) => `${origin} says ${JSON.stringify(value)} (step ${index}, ${timeText(at)})`,
  );
  return `Conflict about "${name}": ${said.join("; ")}. Say which you rely on, and why.`;
}

const timeText = (ms: number): string => {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `at ${ms} ms` : date.toISOString();
};
