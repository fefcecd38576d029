import { ToolError } from "@cambium/tool-learning";

/** Ends a call: says to the model what is wrong and what to do about it. */
export function refuse(message: string): never {
  throw new ToolError({ message });
}
