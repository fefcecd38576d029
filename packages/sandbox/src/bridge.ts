import { Buffer } from "node:buffer";
import { parseGuestJson } from "./json.ts";
import type { SandboxRequest } from "./request.ts";
import type { HostFunction } from "./sandbox.ts";

/** Characters of an error's message that a guest gets to see. */
const MESSAGE_LENGTH = 1500;

/** An error for the guest. */
const refuse = (message: string): string => `e${message.slice(0, MESSAGE_LENGTH)}`;

async function call(name: string, { input, run }: HostFunction, text: string, limitBytes: number, signal: AbortSignal) {
  const argument = parseGuestJson(text, limitBytes);
  if ("problem" in argument) return refuse(`${name}: the argument is refused, ${argument.reason}`);
  const checked = await input["~standard"].validate(argument.value);
  if (checked.issues !== undefined) {
    const issues = checked.issues.map(({ message }) => message).join("; ");
    return refuse(`${name}: the argument is not valid: ${issues}`);
  }
  const answer: unknown = await run(checked.value, { signal });
  const json = JSON.stringify(answer);
  if (json === undefined) return "u";
  return Buffer.byteLength(json) > limitBytes ? refuse(`${name}: the answer is too long`) : `v${json}`;
}

/**
 * Calls a host function for a guest.
 *
 * @param text - The argument as JSON, written by the guest; `undefined` when it was too long to be read.
 * @param signal - Aborted when the run ends.
 * @returns Text for the guest: `v` and JSON, `u` for `undefined`, or `e` and the message of an error.
 */
export async function answerCall(
  { functions, limits }: SandboxRequest,
  name: string,
  text: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const called = functions.get(name);
  if (called === undefined) return refuse(`${name}: no such function`);
  if (text === undefined) return refuse(`${name}: the argument is longer than ${limits.resultBytes} bytes`);
  try {
    return await call(name, called, text, limits.resultBytes, signal);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
