import type { Json } from "@cambium/base";
import { sha256 } from "@cambium/base";
import { messagesOf } from "../solving/prompt.ts";
import { DEFAULT_SAMPLING, type Setup } from "../solving/setup.ts";
import type { CreatorPlan } from "./options.ts";

/** What a manifest says of model, sandbox and sampling. */
export function setupSettings({ model, sandbox, sampling, limits }: Setup): { readonly [key: string]: Json } {
  return {
    provider: model.provider,
    model: model.model,
    sandbox: sandbox.name,
    language: sandbox.language,
    sampling: JSON.parse(JSON.stringify(sampling ?? DEFAULT_SAMPLING)) as Json,
    limits: JSON.parse(JSON.stringify({ ...sandbox.limits, ...limits })) as Json,
  };
}

/** Hash of the words of the prompts: what they say to a placeholder. */
function promptsHash({ prompts, demonstrations, thought, partialRepair, setup }: CreatorPlan): string {
  const { language } = setup.sandbox;
  const input = { task: { question: "?" }, language, demonstrations, thought };
  const asked = [
    prompts.creation({ ...input, known: [] }),
    prompts.decision({ ...input, tool: "?" }),
    prompts.rectification({
      ...input,
      program: [{ name: "program", source: "?" }],
      error: "?",
      earlier: [],
      allowPartial: partialRepair,
    }),
  ];
  return sha256(JSON.stringify(asked.map(messagesOf)));
}

/** Everything that the answers of a plan depend on besides the task. */
export function creatorSettings(plan: CreatorPlan): { readonly [key: string]: Json } {
  return {
    ...setupSettings(plan.setup),
    mode: plan.mode,
    repairAnswers: plan.repairAnswers,
    showAttempts: plan.showAttempts,
    partialRepair: plan.partialRepair,
    library: plan.library !== undefined,
    rounds: plan.guards.rounds,
    demonstrations: plan.demonstrations.name,
    thought: plan.thought,
    promptsHash: promptsHash(plan),
  };
}
