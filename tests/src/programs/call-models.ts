/**
 * Five hundred calls that can be killed at any moment and started again: `node call-models.mjs <folder> <baseURL>`. It
 * writes a line for every call that came back, and at the end a file with all replies.
 */
import { writeFileSync } from "node:fs";
import { openai, openModels } from "@cambium/llm";

const CALLS = 500;
const CONCURRENCY = 8;

const [folder, baseURL] = process.argv.slice(2);
const llm = await openModels({
  store: `${folder}/calls.db`,
  budget: { calls: 2 * CALLS },
  limits: { concurrency: CONCURRENCY },
  leaseMs: 250,
});
const chat = llm.model(openai("rules", { baseURL: baseURL! }));
const replies: unknown[] = [];
let next = 0;

async function work(): Promise<void> {
  for (let i = next++; i < CALLS; i = next++) {
    const content = `question ${i}`;
    const stream = i % 3 === 0;
    const result = stream ? await lastOf(content) : await chat.call({ messages: [{ role: "user", content }] });
    const { text, reasoning, usage, key } = result;
    replies[i] = { text, reasoning, usage, key };
    process.stdout.write(`${result.cached ? "stored" : "paid"} ${content}\n`);
  }
}

async function lastOf(content: string) {
  for await (const event of chat.stream({ messages: [{ role: "user", content }] })) {
    if (event.type === "end") return event.result;
  }
  throw new Error("a stream without an end");
}

process.stdout.write("start\n");
await Promise.all(Array.from({ length: CONCURRENCY }, work));
writeFileSync(`${folder}/replies.json`, JSON.stringify(replies, null, 1));
process.stdout.write(`spent ${(await llm.spent()).calls}\n`);
await llm.close();
