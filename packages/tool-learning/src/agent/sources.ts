/** Whether arguments have a source: what the user said, or what a tool told. What a model says is none. */
import type { Json, JsonObject } from "@cambium/base";
import { textOf } from "@cambium/llm";
import type { AnyTool } from "../tools/tool.ts";
import type { Run } from "./run.ts";

const plain = (text: string): string => text.toLowerCase().replaceAll(/\s+/g, " ").trim();

/** Everything that was said by others than the model. */
function sourcesOf({ task, recorder }: Run): string {
  const said = (task.messages ?? [])
    .filter(({ role }) => role !== "assistant")
    .map(({ content }) => textOf(content as never));
  const told = recorder.steps.flatMap((step) => {
    if (step?.kind === "query") return step.stage === "ask" ? [step.reply] : [];
    if (step?.kind !== "tool" || step.failure !== undefined) return [];
    if (step.stage === "command" && step.call.name !== "ask_user") return [];
    return [step.text, typeof step.value === "string" ? step.value : JSON.stringify(step.value ?? "")];
  });
  return plain([task.context ?? "", task.instruction, ...said, ...told].join("\n"));
}

function isIn(sources: string, value: string | number): boolean {
  if (typeof value === "string") return sources.includes(plain(value));
  const written = String(value).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\d.])${written}(?![\\d]|\\.\\d)`).test(sources.replaceAll(/(?<=\d),(?=\d{3})/g, ""));
}

/** Texts and numbers in a value. */
function leavesOf(value: Json | undefined): readonly (string | number)[] {
  if (typeof value === "string") return value.trim() === "" ? [] : [value];
  if (typeof value === "number") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((inner) => leavesOf(inner as Json | undefined));
}

/** The arguments of a call that must be given and have no source, as paths with their values. */
export function inventedIn(run: Run, tool: AnyTool, input: Json): readonly string[] {
  if (tool.given.length === 0) return [];
  const sources = sourcesOf(run);
  return tool.given.flatMap((name) => {
    const lost = leavesOf((input as JsonObject)[name]).filter((leaf) => !isIn(sources, leaf));
    return lost.map((leaf) => `"${name}": ${JSON.stringify(leaf)}`);
  });
}
