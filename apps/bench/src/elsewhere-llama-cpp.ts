/** One process: logits of a GGUF file, and of a LoRA on it, by node-llama-cpp, which is no dependency of this repository. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseFlags } from "./flags.ts";
import { nodeLlamaCpp } from "./opponents.ts";

type Step = readonly [token: number, options: { readonly generateNext: { readonly logits: true } }];

/** What is used of the library. */
interface Library {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{
        getSequence(): {
          clearHistory(): Promise<void>;
          controlledEvaluate(steps: readonly Step[]): Promise<{ next: { logits: Map<number, number> } }[]>;
        };
      }>;
    }>;
  }>;
}

const { values } = parseFlags({
  options: { model: { type: "string" }, lora: { type: "string" }, ids: { type: "string" }, out: { type: "string" } },
});
const entry = createRequire(join(resolve(nodeLlamaCpp!), "package.json")).resolve("node-llama-cpp");
const { getLlama } = (await import(pathToFileURL(entry).href)) as Library;
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true });
const model = await llama.loadModel({ modelPath: resolve(values.model!) });
const context = await model.createContext({
  contextSize: 512,
  batchSize: 512,
  ...(values.lora !== undefined && { lora: resolve(values.lora) }),
});
const sequence = context.getSequence();
const rows: Float32Array[] = [];
for (const ids of JSON.parse(readFileSync(values.ids!, "utf8")) as number[][]) {
  await sequence.clearHistory();
  for (const { next } of await sequence.controlledEvaluate(ids.map((id) => [id, { generateNext: { logits: true } }]))) {
    const row = new Float32Array(next.logits.size);
    for (const [id, logit] of next.logits) row[id] = logit;
    rows.push(row);
  }
}
writeFileSync(values.out!, Buffer.concat(rows.map(({ buffer }) => new Uint8Array(buffer as ArrayBuffer))));
process.exit(0); // it keeps the process alive
