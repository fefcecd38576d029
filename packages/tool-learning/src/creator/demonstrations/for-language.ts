import { ConfigError } from "@cambium/base";
import { creationDemonstrations } from "./creation.ts";
import type { DemonstrationSet } from "./demonstration.ts";
import { pythonDemonstrations } from "./python.ts";

/**
 * The examples that are given, or those for the language of the sandbox.
 *
 * @throws {ConfigError} When their code is of another language.
 */
export function demonstrationsFor(
  caller: string,
  language: "javascript" | "python",
  given: DemonstrationSet | undefined,
): DemonstrationSet {
  const set = given ?? (language === "javascript" ? creationDemonstrations : pythonDemonstrations);
  if (set.language === undefined || set.language === language) return set;
  throw new ConfigError({
    message: `${caller}: the demonstrations "${set.name}" are in ${set.language}, the sandbox runs ${language}; leave them out, or pass noDemonstrations`,
    name: set.name,
  });
}
