/** What is wrong with a request, in its own words: fields are named as they stand there. */
import { ConfigError } from "@cambium/base";
import type * as z from "zod";

/** A field by its place, such as `messages[0].role`. */
const nameOf = (path: readonly PropertyKey[]): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");

/** The error of a field. `param` is its name, for the body of the failure. */
export function wrongField(param: string, problem: string): ConfigError {
  return new ConfigError({ message: `${param}: ${problem}`, param });
}

/**
 * The body of a request, checked.
 *
 * @throws {ConfigError} Names all that is wrong; `details.param` is the first field of it.
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ConfigError({ message: "the body must be a JSON object" });
  }
  const { issues } = parsed.error;
  const problems = issues.map(({ path, message }) => `${nameOf(path)}: ${message}`);
  throw new ConfigError({ message: problems.join("; "), param: nameOf(issues[0]!.path) });
}
