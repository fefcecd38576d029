import { random, useBackend } from "@cambium/core";
import { createModel } from "@cambium/models";
import { tensor2d } from "@tensorflow/tfjs-core";
await useBackend("onnx");
const config: any = { model_type: "roberta", vocab_size: 5000, hidden_size: 256, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 1024, max_position_embeddings: 514, type_vocab_size: 1, pad_token_id: 1 };
const model = createModel(config, random(1), { head: { kind: "sequence-classification", labels: ["a", "b"] } });
const times: number[] = [], cpu: number[] = [];
for (let i = 0; i < 260; i++) {
  const batch = { ids: tensor2d(Int32Array.from({ length: 16 }, (_, j) => 5 + ((i * 7 + j * 13) % 4000)), [1, 16], "int32"), mask: tensor2d(new Float32Array(16).fill(1), [1, 16]) };
  const t = performance.now(); const c = process.cpuUsage();
  const out: any = model.forward(batch as any);
  await out.logits.data();
  if (i >= 60) { times.push(performance.now() - t); const d = process.cpuUsage(c); cpu.push((d.user + d.system) / 1000); }
  for (const x of [...Object.values(out), ...Object.values(batch)]) (x as any).dispose?.();
}
const med = (x: number[]) => x.sort((a, b) => a - b)[x.length >> 1]!;
console.log(JSON.stringify({ ms: +med(times).toFixed(3), min: +times[0]!.toFixed(3), cpu: +(cpu.reduce((a, b) => a + b) / cpu.length).toFixed(3) }));
