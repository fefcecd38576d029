/**
 * A training run of AdaLoRA that can be killed at any moment and started again: `node train-ada-lora.js <folder>`. It writes
 * a line for every step and, at the end, the bits of the trained tensors and of the state.
 */
import { random } from "@cambium/core";
import { train } from "@cambium/train";
import "@tensorflow/tfjs-backend-cpu";
import { env, setBackend } from "@tensorflow/tfjs-core";
import { adaLoraRun } from "../ada-lora-run.ts";

async function main(folder: string): Promise<void> {
  env().set("IS_TEST", true); // no greeting of the backend
  await setBackend("cpu");
  const { objective, data, options } = adaLoraRun();
  const run = train(objective, data, { ...options, random: random(4), checkpoint: { files: folder, every: 1 } });
  for await (const event of run) {
    if (event.type === "step") process.stdout.write(`step ${event.step}\n`);
    if (event.type !== "end") continue;
    for (const [name, tensor] of [...event.parameters, ...event.state!]) {
      process.stdout.write(`end ${name} ${Buffer.from(tensor.dataSync().buffer).toString("hex")}\n`);
    }
  }
}

main(process.argv[2]!);
