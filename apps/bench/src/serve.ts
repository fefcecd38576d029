/**
 * `cambium serve` under clients that never rest: `pnpm bench:serve --model model.gguf [--clients 16] [--minutes 10] [--tokens 48]`, further
 * arguments behind `--` go to the server. Writes JSON lines: the machine; the time to the first token of short prompts asked alone; and,
 * of all clients together, how many replies were whole, their first tokens' times and the ratio to the lone ones', tokens a second, and the
 * server's memory in each tenth of the time, whose flatness is the last over the second.
 */
import { spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";

const { values, positionals } = parseFlags({
  options: {
    model: { type: "string" },
    clients: { type: "string", default: "16" },
    minutes: { type: "string", default: "10" },
    tokens: { type: "string", default: "48" },
  },
  allowPositionals: true,
});
if (values.model === undefined) throw new Error("bench:serve: name a model by --model");
const [clients, minutes, tokens] = [values.clients, values.minutes, values.tokens].map(Number) as [
  number,
  number,
  number,
];

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const round = (value: number): number => Number(value.toFixed(3));

/** Starts the server; its address. */
async function start(model: string): Promise<{ readonly baseURL: string; stop(): Promise<void> }> {
  const program = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
  const args = ["--conditions=@cambium/source", "--import", "tsx", program, "serve", "--model", model, "--name", "m"];
  const child = spawn(process.execPath, [...args, "--port", "0", "--json", ...positionals], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const baseURL = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      text = text.length < 10_000 ? text + piece : text;
      const address = /"baseURL":"([^"]+)"/.exec(text)?.[1];
      if (address !== undefined) resolve(address);
    });
    void ended.then(() => reject(new Error("bench:serve: the server ended")));
  });
  return {
    baseURL,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** One streamed reply. */
interface Asked {
  readonly firstMs: number;
  readonly tokens: number;
  readonly isWhole: boolean;
}

async function ask(baseURL: string, content: string): Promise<Asked> {
  const begin = performance.now();
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({
      ...{ model: "m", max_tokens: tokens, stream: true, stream_options: { include_usage: true } },
      messages: [{ role: "user", content }],
    }),
  });
  let firstMs = Number.NaN;
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (Number.isNaN(firstMs) && text.includes('"content":"') && /"content":"[^"]/.test(text))
      firstMs = performance.now() - begin;
  }
  const count = Number(/"completion_tokens":(\d+)/.exec(text)?.[1] ?? 0);
  const isWhole = /"finish_reason":"(stop|length)"/.test(text) && text.trimEnd().endsWith("[DONE]");
  return { firstMs, tokens: count, isWhole };
}

const memoryOf = async (baseURL: string): Promise<number> => {
  const health = (await (await fetch(baseURL.replace("/v1", "/health"))).json()) as { readonly memory_bytes: number };
  return health.memory_bytes / 2 ** 20;
};

const question = (client: number, turn: number): string => `What is ${client * 37 + turn} plus ${turn}?`;

console.log(JSON.stringify(describeMachine("serve")));
const server = await start(values.model);
const { baseURL } = server;
await ask(baseURL, "Hello"); // graphs are compiled at the first call
const lone: number[] = [];
for (let turn = 0; turn < 15; turn++) lone.push((await ask(baseURL, question(1000, turn))).firstMs);
console.log(JSON.stringify({ measured: "alone", requests: lone.length, firstMs: round(median(lone)) }));

const begin = performance.now();
const isOver = (): boolean => performance.now() - begin > minutes * 60_000;
const asked: Asked[] = [];
const memory: number[] = [];
async function client(index: number): Promise<void> {
  for (let turn = 0; !isOver(); turn++) asked.push(await ask(baseURL, question(index, turn)));
}
async function watch(): Promise<void> {
  const pauseMs = Math.max(500, (minutes * 60_000) / 200);
  for (; !isOver(); await wait(pauseMs)) memory.push(await memoryOf(baseURL));
}
await Promise.all([watch(), ...Array.from({ length: clients }, (_, index) => client(index))]);
const seconds = (performance.now() - begin) / 1000;
await server.stop();

const tenth = Math.max(1, Math.floor(memory.length / 10));
const tenths = Array.from({ length: 10 }, (_, i) => memory.slice(i * tenth, (i + 1) * tenth)).filter(
  ({ length }) => length > 0,
);
const memoryMiB = tenths.map((part) => Math.round(median(part)));
const firstMs = median(asked.map((each) => each.firstMs));
console.log(
  JSON.stringify({
    measured: "together",
    clients,
    seconds: Math.round(seconds),
    replies: asked.length,
    whole: asked.filter(({ isWhole }) => isWhole).length,
    firstMs: round(firstMs),
    firstRatio: round(firstMs / median(lone)),
    tokensPerSecond: round(asked.reduce((sum, each) => sum + each.tokens, 0) / seconds),
    memoryMiB,
    memoryRatio: round(memoryMiB.at(-1)! / (memoryMiB[1] ?? memoryMiB[0]!)),
  }),
);
