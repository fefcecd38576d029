/** The services of a multi-turn row, together: one state, and the functions that work on it. */
import { FormatError, type Json, type JsonObject, nearest } from "@cambium/base";
import { messageOf } from "../../tools/hostile.ts";
import type { BackEnd, BackEndResult } from "./back-end.ts";
import { fileSystem } from "./file-system.ts";
import { mathematics } from "./mathematics.ts";
import { messenger } from "./messages.ts";
import { posting } from "./posts.ts";
import { readPythonCall } from "./python-calls.ts";

const SERVICES: Readonly<Record<string, BackEnd<never>>> = {
  GorillaFileSystem: fileSystem as never,
  MathAPI: mathematics as never,
  MessageAPI: messenger as never,
  TwitterAPI: posting as never,
};

/** State by the name of the service; plain JSON. */
export type WorldState = Readonly<Record<string, Json>>;

/** The service with a function. */
const serviceOf = (services: readonly string[], name: string): string | undefined =>
  services.find((service) => Object.hasOwn(SERVICES[service]!.functions, name));

/** Fresh state of services. @throws {FormatError} When there is no such service here. */
export function createWorld(services: readonly string[], config: JsonObject): WorldState {
  return Object.fromEntries(
    services.map((service) => {
      if (!Object.hasOwn(SERVICES, service)) {
        const known = Object.keys(SERVICES);
        const near = nearest(service, known);
        throw new FormatError({
          message: `multi-turn: there is no service "${service}" here; ${near === undefined ? `there are ${known.join(", ")}` : `is "${near}" meant?`}`,
        });
      }
      return [service, SERVICES[service]!.create((config[service] ?? {}) as JsonObject) as Json];
    }),
  );
}

/** Calls a function, which may change the state. What it is not made for is an error that it tells. */
export function callWorld(state: WorldState, name: string, input: JsonObject): BackEndResult {
  const service = serviceOf(Object.keys(state), name);
  if (service === undefined) return { error: `there is no function "${name}"` };
  try {
    const work = SERVICES[service]!.functions[name]! as (state: unknown, input: unknown) => BackEndResult;
    return work(state[service], input);
  } catch (thrown) {
    return { error: `${name}: it cannot work with these arguments: ${messageOf(thrown)}` };
  }
}

/** A call of a right answer, with its arguments by name. */
export interface WorldCall {
  readonly name: string;
  readonly input: JsonObject;
}

/** Reads a call of a right answer. @param parameters - Names of a function's parameters, in order. */
export function readWorldCall(text: string, parameters: (name: string) => readonly string[]): WorldCall {
  const { name, positional, named } = readPythonCall(text);
  const names = parameters(name);
  if (positional.length > names.length) {
    throw new FormatError({
      message: `multi-turn: "${text}" has ${positional.length} arguments, and ${name} takes ${names.length}`,
    });
  }
  return { name, input: { ...Object.fromEntries(positional.map((value, i) => [names[i]!, value])), ...named } };
}
