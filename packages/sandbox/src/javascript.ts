import type { Frame } from "./outcome.ts";
import type { SandboxRequest } from "./request.ts";

/** The settings that `guest/prelude.js` takes, as JSON. */
export function settingsOf({ functions, input, limits, seed }: SandboxRequest): string {
  return JSON.stringify({
    functions: [...functions.keys()],
    input: JSON.stringify(input),
    seed,
    stdoutLimit: limits.stdoutBytes,
    resultLimit: limits.resultBytes,
  });
}

/**
 * The program's frames of a QuickJS stack.
 *
 * @param place - Where the program is, with groups for line and column, such as `program\\.js:(\\d+):(\\d+)`.
 * @param offset - Lines before the program's first.
 */
export function framesOf(stack: string, place: string, offset: number): readonly Frame[] {
  const form = new RegExp(`^\\s*at (?:(.*) \\()?${place}\\)?$`);
  const frames = [];
  for (const text of stack.split("\n")) {
    const [, name, line, column] = form.exec(text) ?? [];
    if (line === undefined) continue;
    const isNamed = name !== undefined && name !== "<anonymous>" && name !== "<eval>";
    frames.push({ name: isNamed ? name : "", line: Number(line) - offset, column: Number(column) });
  }
  return frames;
}
