import { join } from "node:path";
import { type ChatModel, openai, openModels, startServer } from "@cambium/llm";
import { rulePolicy } from "@cambium/problem-families";
import type { Flags } from "./flags.ts";
import { openLocal } from "./local-model.ts";

/** Who answers, and how to let go of it. */
export interface Answering {
  readonly model: ChatModel;
  /** In words, for the reader. */
  readonly who: string;
  /** Whether rules answer in a model's place. */
  readonly isRules: boolean;
  close(): Promise<void>;
}

/** More calls than ten problems can need; a budget that no surprise can exceed. */
const MOST_CALLS = 120;

/** Share of the rules' first tries that go wrong on purpose, so that there is something to repair. */
const BROKEN_SHARE = 0.4;

/** The model that `--model` names, one of a service where the environment names a key or an endpoint; rules behind a local server otherwise. */
export async function openModel({ seed, out, model: path, frozen }: Flags, env: NodeJS.ProcessEnv): Promise<Answering> {
  const { OPENAI_API_KEY: apiKey = "", OPENAI_BASE_URL: baseURL = "", CAMBIUM_MODEL: name = "gpt-4o-mini" } = env;
  const models = await openModels({ store: join(out, "calls.db"), budget: { calls: MOST_CALLS } });
  if (path !== undefined) {
    const { source, close } = await openLocal(path, frozen).catch(async (error: unknown) => {
      await models.close();
      throw error;
    });
    return {
      model: models.model(source),
      who: `${path}, on this machine`,
      isRules: false,
      async close() {
        await models.close();
        await close();
      },
    };
  }
  if (apiKey !== "" || baseURL !== "") {
    const source = openai(name, { ...(apiKey === "" ? {} : { apiKey }), ...(baseURL === "" ? {} : { baseURL }) });
    return {
      model: models.model(source),
      who: `${name} at ${source.provider}`,
      isRules: false,
      close: () => models.close(),
    };
  }
  const server = await startServer({ models: { rules: rulePolicy({ seed, brokenShare: BROKEN_SHARE }) } });
  // The port is another one each time; replies are stored under the rules' seed instead, so that a run can be resumed.
  const source = { ...openai("rules", { baseURL: server.baseURL }), provider: "rules", identity: { seed }, free: true };
  return {
    model: models.model(source),
    who: `rules behind ${server.baseURL}`,
    isRules: true,
    async close() {
      await models.close();
      await server.close();
    },
  };
}
