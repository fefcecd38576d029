import { ConfigError, nearest } from "@cambium/base";
import type { Host } from "../host.ts";
import type { Candidate } from "./candidates.ts";
import type { SelectionConstraints } from "./options.ts";

/**
 * Throws for a layer that the model does not have, and for a role that none of the candidates has: beside others that exist it would be
 * passed over without a word.
 */
export function checkPlaces(
  caller: string,
  host: Host,
  candidates: readonly Candidate[],
  { layers = [], roles = [] }: SelectionConstraints,
): void {
  const sites = host.sites();
  const depth = new Set(sites.flatMap(({ layer }) => layer ?? [])).size;
  const beyond = layers.find((layer) => layer >= depth);
  if (beyond !== undefined)
    throw new ConfigError({
      message: `${caller}: the model has no layer ${beyond}; there are ${depth}, counted from 0`,
      layer: beyond,
    });
  const chosen = [...new Set(candidates.flatMap(({ role }) => role ?? []))];
  const empty = roles.find((role) => !chosen.includes(role));
  if (empty === undefined) return;
  const known = [...new Set(sites.map(({ role }) => role as string))];
  const there = `there are ${chosen.join(", ") || "none"}`;
  const fail = (problem: string): ConfigError => new ConfigError({ message: `${caller}: ${problem}`, role: empty });
  if (!known.includes(empty)) {
    const near = nearest(empty, known);
    throw fail(
      `the model has no role "${empty}"${near === undefined ? "" : `, is "${near}" meant?`}; with something to choose ${there}`,
    );
  }
  const { part } = sites.find(({ role }) => role === empty)!;
  const whole = sites.find(({ path }) => path === part?.of);
  if (whole !== undefined)
    throw fail(`"${empty}" is a part of "${whole.role}" here, whose weight is one; choose from that`);
  throw fail(`nothing to choose has the role "${empty}"; ${there}`);
}
