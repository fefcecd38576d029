import { readFileSync, writeFileSync } from "node:fs";
import { useBackend } from "@cambium/core";
import { embed, loadModel, loadTokenizer } from "@cambium/models";
const dir = "/work/shared/data/tool-learning/toolbench-retrieval";
const read = (f: string) => readFileSync(`${dir}/${f}`, "utf8").trim().split("\n").map((l) => JSON.parse(l));
const apis = read("apis.jsonl"), queries = read("queries.jsonl");
const B = /(?<=[.!?;])\s+|\s+and also\s+|,\s+and\s+|\s+as well as\s+/;
const texts = new Set<string>();
for (const a of apis) { texts.add(`${a.category} / ${a.tool} / ${a.name}: ${(a.description ?? "").trim()}`); texts.add(`${a.tool} ${a.name}: ${(a.description ?? "").trim()}`); }
for (const q of queries) { texts.add(q.query); for (const n of q.query.split(B)) texts.add(n); }
await useBackend();
const f = "/work/shared/models/all-minilm-l6-v2";
const m = await loadModel(f), t = await loadTokenizer(f);
const list = [...texts];
console.log(list.length);
const out = new Float32Array(list.length * 384);
for (let i = 0; i < list.length; i += 256) { const v = await embed(m, t, list.slice(i, i + 256), { pooling: "mean", normalise: true, maxLength: 128 }); v.forEach((x, j) => out.set(x, (i + j) * 384)); if (i % 1024 === 0) console.log(i); }
writeFileSync("/tmp/vec.bin", Buffer.from(out.buffer)); writeFileSync("/tmp/vec.json", JSON.stringify(list));
