/** One process, one row: forward passes of a batch whose rows name one of several LoRAs, or of one merged model. */
import { mapParameters, random } from "@cambium/core";
import { attach, type Delta, lora, merge, perRow, rowsOf } from "@cambium/delta";
import { createModel, type TokenBatch } from "@cambium/models";
import { add, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { chooseBackend } from "../choose-backend.ts";
import { parseFlags } from "../flags.ts";
import { walk } from "../ids.ts";
import { parseSize, robertaConfig } from "../sizes.ts";
import { timeSteps } from "../timed.ts";

const { values } = parseFlags({
  options: {
    loras: { type: "string", default: "merged" },
    size: { type: "string", default: "4x256" },
    steps: { type: "string", default: "20" },
    round: { type: "string", default: "0" },
  },
});
const [size, batch, seq] = [parseSize(values.size), 16, 64];
await chooseBackend("onnx");
const base = createModel(robertaConfig(size), random(0), {
  head: { kind: "sequence-classification", labels: ["0", "1"] },
});

/** A LoRA away from its start. */
function trained(seed: number): Delta {
  const delta = lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, random(seed));
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, random(seed).at(name).normal(value.shape, 0, 0.01))),
  );
  return { ...delta, parameters };
}

const plain: TokenBatch = {
  ids: tensor2d(walk(batch * seq, size.vocabulary), [batch, seq], "int32"),
  mask: tensor2d(new Float32Array(batch * seq).fill(1), [batch, seq]),
};

function makeRun(): () => Promise<unknown> {
  const run = (model: Pick<typeof base, "forward">, input: TokenBatch) => async () => {
    const output = model.forward(input);
    await output.logits!.data();
    for (const value of Object.values(output)) if (typeof value === "object") value.dispose();
  };
  if (values.loras === "merged") return run(merge(attach(base, trained(1))), plain);
  const members = Object.fromEntries(Array.from({ length: Number(values.loras) }, (_, i) => [`l${i}`, trained(i)]));
  const mixed = perRow(members);
  const names = Object.keys(members);
  const rows = rowsOf(
    mixed,
    Array.from({ length: batch }, (_, i) => names[i % names.length]),
  );
  return run(attach(base, mixed), { ...plain, rows });
}

const times = await timeSteps(Number(values.steps), makeRun());
console.log(
  JSON.stringify({
    bench: "delta",
    row: values.loras === "merged" ? "rows merged" : `rows ${values.loras}`,
    size: size.name,
    round: Number(values.round),
    backend: "onnx",
    batch,
    seq,
    ...times,
  }),
);
