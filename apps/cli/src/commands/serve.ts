import { startServer } from "@cambium/llm";
import { Command, InvalidArgumentError } from "commander";
import type { Io } from "../io.ts";
import { loadPolicy, policyNames } from "../policies.ts";

interface ServeFlags {
  readonly policy: string;
  readonly model?: string;
  readonly port: number;
  readonly host: string;
  readonly apiKey?: string;
  readonly allowHost?: readonly string[];
  readonly json?: true;
}

const EXAMPLE = `
Example, a model that answers by your own code:
  $ cat > policy.mjs
  export default ({ messages }) => ({ text: \`\${messages.length} messages\` });
  $ cambium serve --policy ./policy.mjs --model counter
  $ curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
      -d '{ "model": "counter", "messages": [{ "role": "user", "content": "Hello" }] }'`;

function parsePort(text: string): number {
  const port = Number(text);
  if (text !== "" && Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InvalidArgumentError("It must be an integer from 0 to 65535; 0 takes any free port.");
}

/** Resolves when the signal is aborted. */
function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** `cambium serve`: a policy behind OpenAI's wire format, until it is stopped. */
export function serve(io: Io): Command {
  return new Command("serve")
    .description("Serve a policy as a model: chat with tools and streams, embeddings, in OpenAI's wire format.")
    .option("--policy <name or path>", `${policyNames.join(", ")}, or a JavaScript module that exports one`, "echo")
    .option("--model <name>", "the model's name for clients (default: the policy's, or \"policy\" for a module)")
    .option("--port <number>", "0 takes any free port", parsePort, 8080)
    .option("--host <address>", "address to listen on; others than 127.0.0.1 can be reached from outside", "127.0.0.1")
    .option("--api-key <key>", "token that requests must bear")
    .option(
      "--allow-host <names...>",
      "names under which it answers without a key, beside addresses and localhost: others can belong to web pages",
    )
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async ({ policy, model, port, host, apiKey, allowHost, json }: ServeFlags) => {
      const name = model ?? (policyNames.includes(policy) ? policy : "policy");
      const models = { [name]: await loadPolicy(policy) };
      const server = await startServer({
        models,
        port,
        host,
        ...(apiKey === undefined ? {} : { apiKey }),
        ...(allowHost === undefined ? {} : { allowedHosts: allowHost }),
      });
      try {
        if (json) io.out(JSON.stringify({ type: "listening", baseURL: server.baseURL, models: Object.keys(models) }));
        else io.out(`serving "${name}" at ${server.baseURL}; Ctrl-C stops it`);
        await stopped(io.signal);
      } finally {
        await server.close();
      }
    });
}
