import { type JsonObject, parseConfig } from "@cambium/base";
import type { Row, Task } from "@cambium/evaluation";
import * as z from "zod";
import { type BfclFunction, readLines } from "../bfcl/row.ts";
import { createWorld, readWorldCall, type WorldCall, type WorldState } from "./world.ts";

/** Several requests on one world. */
export interface MultiTurnTask extends Task {
  /** What the user says, turn by turn. */
  readonly turns: readonly string[];
  readonly functions: readonly BfclFunction[];
  /** The world at the start. */
  readonly state: WorldState;
}

/** What a row is judged by. */
export interface MultiTurnExpected {
  readonly state: WorldState;
  /** Right calls, turn by turn. */
  readonly gold: readonly (readonly WorldCall[])[];
}

const rowSchema = z.looseObject({
  id: z.string().min(1),
  question: z.array(z.array(z.looseObject({ role: z.string(), content: z.string() }))).min(1),
  initial_config: z.looseObject({}),
  involved_classes: z.array(z.string()).min(1),
  excluded_function: z.array(z.string()).optional(),
  ground_truth: z.array(z.array(z.string())),
});

const DOCUMENTS: Readonly<Record<string, string>> = {
  GorillaFileSystem: "gorilla_file_system",
  MathAPI: "math_api",
  MessageAPI: "message_api",
  TwitterAPI: "posting_api",
};

/**
 * Reads multi-turn rows whose services are among those that are simulated here: `GorillaFileSystem`, `MathAPI`, `MessageAPI` and
 * `TwitterAPI`.
 *
 * @param text - Lines of JSON: `id`, `question`, `initial_config`, `involved_classes`, `ground_truth`.
 * @param documents - The function documents by the name of their file, such as `math_api`: lines of JSON.
 * @throws {FormatError} When a line is no JSON, a service is not simulated here, or a right call cannot be read.
 * @throws {ConfigError} When a row lacks a field.
 */
export function parseMultiTurn(
  text: string,
  documents: Readonly<Record<string, string>>,
): readonly Row<MultiTurnTask>[] {
  const read = new Map<string, readonly BfclFunction[]>();
  const functionsOf = (service: string): readonly BfclFunction[] => {
    const known = read.get(service);
    if (known !== undefined) return known;
    const functions = readLines(
      "parseMultiTurn",
      documents[DOCUMENTS[service] ?? ""] ?? "",
    ) as unknown as readonly BfclFunction[];
    read.set(service, functions);
    return functions;
  };
  return readLines("parseMultiTurn", text).map((line, i) => {
    parseConfig(`parseMultiTurn: row ${i}`, rowSchema, line);
    const {
      id,
      question,
      initial_config,
      involved_classes: services,
      excluded_function: without = [],
      ground_truth,
    } = line as unknown as z.infer<typeof rowSchema>;
    const state = createWorld(services, initial_config as JsonObject);
    const all = services.flatMap(functionsOf);
    const parametersOf = (name: string): readonly string[] =>
      Object.keys((all.find((each) => each.name === name)?.parameters["properties"] ?? {}) as object);
    const gold = ground_truth.map((calls) => calls.map((call) => readWorldCall(call, parametersOf)));
    const turns = question.map((messages) => messages.map(({ content }) => content).join("\n"));
    const expected: MultiTurnExpected = { state, gold };
    return {
      id,
      question: turns[0]!,
      turns,
      functions: all.filter(({ name }) => !without.includes(name)),
      state,
      answer: JSON.stringify(expected),
      subject: "multi_turn",
      level: [...services].sort().join(", "),
    };
  });
}
