import { ConfigError, nearest, parseConfig } from "@cambium/base";
import * as z from "zod";
import { isSchema, jsonSchemaOf, type Schema } from "./schema.ts";
import type { Tool, ToolDefinition, ToolLimits } from "./tool.ts";

/** Limits of a tool that sets none. */
const DEFAULT_LIMITS: ToolLimits = { timeoutMs: 30_000, outputBytes: 256 * 1024, calls: Number.POSITIVE_INFINITY };

const isFunction = z.custom<() => unknown>((value) => typeof value === "function", "must be a function");
const schemaField = z.custom<Schema>(isSchema, "must be a Standard Schema, such as one of zod");

const definitionSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, "must be 1 to 64 letters, digits, _ and -, and begin with a letter or _"),
  description: z.string().trim().min(1, "must say what the tool does: the model sees nothing else"),
  input: schemaField,
  inputSchema: z.looseObject({}).optional(),
  output: schemaField.optional(),
  effects: z.enum(["none", "reads", "writes", "destroys"]).optional(),
  idempotent: z.boolean().optional(),
  openWorld: z.boolean().optional(),
  polled: z.boolean().optional(),
  limits: z
    .strictObject({
      timeoutMs: z
        .number()
        .positive()
        .max(2 ** 31 - 1)
        .optional(), // the longest timer
      outputBytes: z.int().positive().optional(),
      calls: z.union([z.int().positive(), z.literal(Number.POSITIVE_INFINITY)]).optional(),
    })
    .optional(),
  given: z.array(z.string()).optional(),
  examples: z
    .array(
      z.strictObject({ instruction: z.string().optional(), input: z.looseObject({}), output: z.json().optional() }),
    )
    .optional(),
  category: z.string().min(1).optional(),
  run: isFunction,
  text: isFunction.optional(),
  files: isFunction.optional(),
  facts: isFunction.optional(),
});

/**
 * A tool: a function that a model may call, with its description, the schema of its input, and what it does to the world.
 *
 * @throws {ConfigError} When the definition cannot be meant: a name that providers refuse, a schema that is not of an object
 *   or has no JSON form, an example that its own schema refuses.
 * @example
 * const convert = defineTool({
 *   name: "convert",
 *   description: "Converts a length between metres and feet.",
 *   input: z.strictObject({ value: z.number(), to: z.enum(["m", "ft"]) }),
 *   effects: "none",
 *   run: ({ value, to }) => ({ value: to === "ft" ? value / 0.3048 : value * 0.3048, unit: to }),
 * });
 */
export function defineTool<Input, Output, State = unknown>(
  definition: ToolDefinition<Input, Output, State>,
): Tool<Input, Output, State> {
  parseConfig("defineTool", definitionSchema, definition);
  const { name, input, effects = "destroys", limits = {}, examples = [], given = [] } = definition;
  const caller = `defineTool: "${name}"`;
  const inputSchema = definition.inputSchema ?? jsonSchemaOf(caller, input as Schema, "inputSchema");
  if (inputSchema["type"] !== "object") {
    throw new ConfigError({
      message: `${caller}: input must be the schema of an object, got ${JSON.stringify(inputSchema["type"] ?? "one without a type")}`,
    });
  }
  if (definition.idempotent === false && (effects === "none" || effects === "reads")) {
    throw new ConfigError({
      message: `${caller}: effects "${effects}" change nothing, so calls are idempotent; leave idempotent out, or declare effects "writes"`,
    });
  }
  const properties = Object.keys((inputSchema["properties"] ?? {}) as object);
  const unknown = given.find((argument) => !properties.includes(argument));
  if (unknown !== undefined) {
    const near = nearest(unknown, properties);
    throw new ConfigError({
      message: `${caller}: given names "${unknown}", which is no argument; ${near === undefined ? `there are ${properties.join(", ")}` : `is "${near}" meant?`}`,
      key: unknown,
    });
  }
  for (const [i, example] of examples.entries()) {
    const checked = input["~standard"].validate(example.input);
    if (checked instanceof Promise || checked.issues === undefined) continue;
    const issues = checked.issues.map(({ message }) => message).join("; ");
    throw new ConfigError({ message: `${caller}: examples[${i}].input does not fit the schema: ${issues}`, index: i });
  }
  return {
    ...definition,
    inputSchema,
    effects,
    idempotent: definition.idempotent ?? (effects === "none" || effects === "reads"),
    openWorld: definition.openWorld ?? effects !== "none",
    limits: { ...DEFAULT_LIMITS, ...Object.fromEntries(Object.entries(limits).filter(([, v]) => v !== undefined)) },
    given,
    examples,
  };
}
