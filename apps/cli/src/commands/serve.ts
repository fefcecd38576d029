import { basename } from "node:path";
import { type Backend, type Embed, type ServedRequest, type Server, startServer } from "@cambium/llm";
import { Command, InvalidArgumentError } from "commander";
import { type Io, UseError } from "../io.ts";
import { addHoldFlags, chooseBackend, type HoldFlags, withLanguageModel } from "../models/open-language-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { loadPolicy, policyNames } from "../policies.ts";
import { parseCount } from "./parse-count.ts";
import { type Served, type ServeModelFlags, serveEmbeddings, serveModels } from "./serve-models.ts";

interface ServeFlags extends HoldFlags, ServeModelFlags {
  readonly policy?: string;
  readonly model?: string;
  readonly name?: string;
  readonly embeddings?: string;
  readonly port: number;
  readonly host: string;
  readonly apiKey?: string;
  readonly allowHost?: readonly string[];
  readonly cors?: readonly string[];
  readonly grace: number;
  readonly json?: true;
}

const EXAMPLE = `
Example, a model of this machine with an adapter:
  $ cambium serve --model model.gguf --adapter pirate=adapters/pirate
  $ curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
      -d '{ "model": "pirate", "messages": [{ "role": "user", "content": "Hello" }] }'
Example, a model that answers by your own code:
  $ cat > policy.mjs
  export default ({ messages }) => ({ text: \`\${messages.length} messages\` });
  $ cambium serve --policy ./policy.mjs --name counter

Ctrl-C lets the answers under way end, for as long as --grace says, and refuses new requests; a second Ctrl-C stops at once.`;

function parsePort(text: string): number {
  const port = Number(text);
  if (text !== "" && Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InvalidArgumentError("It must be an integer from 0 to 65535; 0 takes any free port.");
}

function parseAmount(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("It must be a number of 0 or more.");
}

function parseWhole(text: string): number {
  const value = parseAmount(text);
  if (Number.isInteger(value)) return value;
  throw new InvalidArgumentError("It must be a whole number of 0 or more.");
}

/** Resolves when the signal is aborted. */
function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The name of a model for clients: the last part of its path. */
const nameOf = (model: string): string =>
  basename(model.replace(/^hub:/, "").replace(/\/+$/, "")).replace(/\.gguf$/, "");

const needsModel = ["adapter", "frozen", "maxBatch", "maxWaiting", "context", "keepPrompts", "loosen"] as const;

function checkFlags(flags: ServeFlags): void {
  if (flags.model !== undefined && flags.policy !== undefined) {
    throw new UseError("serve: --model is a model of this machine, --policy code in its place; give one of them");
  }
  const unused = needsModel.find((key) => flags[key] !== undefined);
  if (flags.model !== undefined || unused === undefined) return;
  throw new UseError(
    `serve: --${unused.replace(/[A-Z]/g, (big) => `-${big.toLowerCase()}`)} is of a --model, and there is none`,
  );
}

/** `cambium serve`: a model or a policy behind OpenAI's wire format, until it is stopped. */
export function serve(io: Io): Command {
  const command = new Command("serve")
    .description("Serve a model in OpenAI's wire format: chat with tools and streams, texts, embeddings.")
    .option("--model <model>", `the model: ${MODEL_ARGUMENT}`)
    .option("--name <name>", "its name for clients (default: the last part of --model, or the policy's)")
    .option("--adapter <name=folder...>", "adapters on the model, each a model of this name for clients");
  return addHoldFlags(command)
    .option("--embeddings <model>", "a model that makes the embeddings")
    .option("--temperature <number>", "used where a request says none", parseAmount, 0)
    .option("--context <tokens>", "most tokens of a prompt and its answer (default: what the model has)", parseCount)
    .option("--max-batch <number>", "most answers that are written at a time (default: 16)", parseCount)
    .option(
      "--max-waiting <number>",
      "most requests that wait for their turn; more are refused (default: 64)",
      parseWhole,
    )
    .option("--keep-prompts <MiB>", "memory for begins of prompts that come again (default: 256)", parseWhole)
    .option(
      "--loosen",
      "leave out what cannot be followed of a schema, such as multipleOf, and say so (default: an error)",
    )
    .option(
      "--policy <name or path>",
      `in a model's place: ${policyNames.join(", ")}, or a JavaScript module that exports one`,
    )
    .option("--port <number>", "0 takes any free port", parsePort, 8080)
    .option("--host <address>", "address to listen on; others than 127.0.0.1 can be reached from outside", "127.0.0.1")
    .option("--api-key <key>", "token that requests must bear")
    .option(
      "--allow-host <names...>",
      "names under which it answers without a key, beside addresses and localhost: others can belong to web pages",
    )
    .option("--cors <origins...>", "origins of web pages that may ask, or * for all")
    .option("--grace <seconds>", "time that answers under way have to end when it is stopped", parseAmount, 30)
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (flags: ServeFlags) => {
      checkFlags(flags);
      const { model } = flags;
      if (model === undefined) {
        const policy = flags.policy ?? "echo";
        const name = flags.name ?? (policyNames.includes(policy) ? policy : "policy");
        const answers = await loadPolicy(policy);
        if (flags.embeddings !== undefined) await chooseBackend(flags);
        await listen(io, flags, { [name]: answers });
        return;
      }
      await withLanguageModel(io, "serve", model, flags, async (opened) => {
        const served = await serveModels(io, opened, flags.name ?? nameOf(model), flags);
        try {
          await listen(io, flags, served.models, served);
        } finally {
          await served.close();
        }
      });
    });
}

/** Listens until the command is stopped, and lets the answers under way end. */
async function listen(
  io: Io,
  flags: ServeFlags,
  models: Readonly<Record<string, Backend>>,
  served?: Served,
): Promise<void> {
  const { port, host, apiKey, allowHost, cors, json, grace, embeddings } = flags;
  const embedder = embeddings === undefined ? undefined : await serveEmbeddings(io, embeddings);
  const embed: { readonly embed?: Embed | false } =
    embedder !== undefined ? { embed: embedder.embed } : served !== undefined ? { embed: false } : {};
  let server: Server | undefined;
  try {
    server = await startServer({
      models,
      port,
      host,
      ...embed,
      ...(embedder !== undefined && { embeddingModel: nameOf(embeddings!), countTokens: embedder.countTokens }),
      ...(served !== undefined && { health: served.health }),
      ...(apiKey !== undefined && { apiKey }),
      ...(allowHost !== undefined && { allowedHosts: allowHost }),
      ...(cors !== undefined && { cors }),
      onError: (error) => io.error(`serve: ${(error as Error | undefined)?.stack ?? String(error)}`),
      ...(json === true && {
        onRequest: (request: ServedRequest) => io.out(JSON.stringify({ type: "request", ...request })),
      }),
    });
    tellAddress(io, flags, server, Object.keys(models));
    await stopped(io.signal);
    if (json !== true) io.error("stopping: answers under way may end; Ctrl-C stops at once");
    await server.stop(grace * 1000);
  } finally {
    await server?.close();
    embedder?.dispose();
  }
}

function tellAddress(io: Io, { json, apiKey }: ServeFlags, { baseURL }: Server, models: readonly string[]): void {
  if (json === true) {
    io.out(JSON.stringify({ type: "listening", baseURL, models }));
    return;
  }
  const body = JSON.stringify({ model: models[0], messages: [{ role: "user", content: "Hello" }] });
  const key = apiKey === undefined ? "" : " -H 'authorization: Bearer <the key>'";
  io.out(`serving ${models.map((name) => `"${name}"`).join(", ")} at ${baseURL}; Ctrl-C stops it`);
  io.out(`try: curl ${baseURL}/chat/completions -H 'content-type: application/json'${key} -d '${body}'`);
}
