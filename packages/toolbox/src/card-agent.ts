import { ConfigError } from "@cambium/base";
import { type AgentOptions, agent, virtual } from "@cambium/tool-learning";
import type { OpenSetting } from "./settings.ts";

/** Settings of `runAgent` for the tasks of cards: all but what a card brings. */
export type CardAgentOptions = Omit<
  AgentOptions,
  "model" | "tools" | "environment" | "answer" | "answerSchema" | "journal" | "examples"
>;

const OWN = ["model", "tools", "environment", "answer", "answerSchema", "journal", "examples"] as const;

/**
 * The settings of a run on a kit in a setting. Calls that ask first are approved, unless the options say who decides.
 *
 * @throws {ConfigError} When the options bring what the card does.
 */
export function cardAgent(
  caller: string,
  { setting, tools, state }: Pick<OpenSetting, "setting" | "tools" | "state">,
  model: AgentOptions["model"],
  options: CardAgentOptions = {},
): AgentOptions {
  const own = OWN.find((key) => key in options);
  if (own !== undefined)
    throw new ConfigError({ message: `${caller}: agent: "${own}" comes with the card; leave it out`, key: own });
  const settings: AgentOptions = {
    approve: () => true,
    ...options,
    model,
    tools,
    environment: virtual({ state }),
    examples: setting === "few-shot",
  };
  agent(settings); // says what is wrong with them
  return settings;
}
