/** One process: rows of `decode.ts` with node-llama-cpp, which is no dependency of this repository. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CONTEXTS, idsOf, printRow, timesBetween } from "./decode-rows.ts";
import { parseFlags } from "./flags.ts";
import { nodeLlamaCpp } from "./opponents.ts";

/** What is used of the library. */
interface Library {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{
        getSequence(): {
          clearHistory(): Promise<void>;
          evaluate(ids: number[], options: object): AsyncIterable<number>;
        };
      }>;
    }>;
  }>;
}

const { values } = parseFlags({
  options: { model: { type: "string" }, tokens: { type: "string", default: "24" } },
});
const entry = createRequire(join(resolve(nodeLlamaCpp!), "package.json")).resolve("node-llama-cpp");
const { getLlama } = (await import(pathToFileURL(entry).href)) as Library;
const threads = availableParallelism();
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, maxThreads: threads });
const model = await llama.loadModel({ modelPath: resolve(values.model!) });
const context = await model.createContext({
  contextSize: 1536,
  batchSize: 512,
  threads: { ideal: threads, min: threads },
});
const sequence = context.getSequence();

async function* tokensOf(count: number): AsyncGenerator<number> {
  await sequence.clearHistory();
  let made = 0;
  for await (const token of sequence.evaluate(idsOf(count), { temperature: 0, topK: 1 })) {
    yield token;
    if (++made > Number(values.tokens)) return;
  }
}

await timesBetween(tokensOf(8));
for (const count of CONTEXTS) {
  const [prefill, ...times] = await timesBetween(tokensOf(count));
  printRow("node-llama-cpp", `token behind ${count}`, times);
  if (count === 512) printRow("node-llama-cpp", "reading 512", [prefill!, (await timesBetween(tokensOf(count)))[0]!]);
}
process.exit(0); // it keeps the process alive
