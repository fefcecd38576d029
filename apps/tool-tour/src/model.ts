import { basename, join } from "node:path";
import { disposeParameters, useBackend } from "@cambium/core";
import { type Backend, type ChatModel, local, openai, openModels, startServer } from "@cambium/llm";
import { loadModel, loadTokenizer } from "@cambium/models";
import { expertPolicy } from "@cambium/toolbox";
import type { Flags } from "./flags.ts";

/** The worlds and the tasks of a tour. */
export interface Tour {
  readonly seed: number;
  readonly kits: readonly string[];
  /** Tasks of each kind. */
  readonly each: number;
}

/** Who answers, and how to let go of it. */
export interface Answering {
  readonly model: ChatModel;
  /** In words, for the reader. */
  readonly who: string;
  /** Whether the scripted experts answer in a model's place. */
  readonly isExperts: boolean;
  close(): Promise<void>;
}

/** What answers behind the server, and how to let go of it. */
interface Behind {
  readonly backend: Backend;
  readonly name: string;
  close(): Promise<void>;
}

async function openBackend(path: string | undefined, tour: Tour): Promise<Behind> {
  if (path === undefined) return { backend: await expertPolicy(tour), name: "experts", close: async () => {} };
  await useBackend();
  const tokenizer = await loadTokenizer(path);
  const frozen = path.toLowerCase().endsWith(".gguf") ? "as stored" : "float32";
  const model = await loadModel(path, { head: { kind: "causal-lm" }, frozen });
  const source = local(model, tokenizer, { chat: { date: new Date(0) }, declarations: "signatures" });
  return {
    backend: source,
    name: basename(path),
    async close() {
      await source.close();
      disposeParameters(model.parameters);
    },
  };
}

/** A server on this machine, with a model or the experts behind it, and a client that talks to it. */
export async function openModel({ out, model: path }: Flags, tour: Tour): Promise<Answering> {
  const { backend, name, close } = await openBackend(path, tour);
  const server = await startServer({ models: { [name]: backend } });
  const models = await openModels({ store: join(out, "calls.db") });
  // The port is another one each time: replies are stored under what answers, so that a run can be resumed.
  const identity = path === undefined ? { ...tour, kits: [...tour.kits] } : { path };
  const source = { ...openai(name, { baseURL: server.baseURL }), provider: "local", identity, free: true };
  return {
    model: models.model(source),
    who: path === undefined ? `scripted experts behind ${server.baseURL}` : `${name} behind ${server.baseURL}`,
    isExperts: path === undefined,
    async close() {
      await models.close();
      await server.close();
      await close();
    },
  };
}
