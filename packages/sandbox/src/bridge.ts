import { Buffer } from "node:buffer";
import { messageOf } from "./hostile.ts";
import { parseGuestJson } from "./json.ts";
import type { SandboxRequest } from "./request.ts";
import type { HostFunction } from "./sandbox.ts";
import { strictJson } from "./strict-json.ts";

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
  const written = strictJson(answer);
  if ("fault" in written) return refuse(`${name}: the answer is no JSON: ${written.fault}`);
  const { json } = written;
  if (json === undefined) return "u";
  return Buffer.byteLength(json) > limitBytes ? refuse(`${name}: the answer is too long`) : `v${json}`;
}

/** The answer of a call, or its refusal once `limitMs` is over; the function's signal is aborted then. */
async function withinTime(
  name: string,
  limitMs: number | undefined,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<string>,
): Promise<string> {
  if (limitMs === undefined) return work(signal);
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<string>((resolve) => {
    timer = setTimeout(() => {
      resolve(refuse(`${name}: no answer within ${limitMs} ms`));
      late.abort();
    }, limitMs);
  });
  try {
    return await Promise.race([work(AbortSignal.any([signal, late.signal])), over]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Calls a host function for a guest.
 *
 * @param text - The argument as JSON, written by the guest; `undefined` when it was too long to be read.
 * @param signal - Aborted when the run ends.
 * @returns Never rejects, whatever the function throws. Text for the guest: `v` and JSON, `u` for `undefined`, or `e` and the message of an error.
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
    return await withinTime(name, limits.callMs, signal, (mine) => call(name, called, text, limits.resultBytes, mine));
  } catch (error) {
    return refuse(messageOf(error));
  }
}
