import type { Files } from "@cambium/base";
import { loadSafetensors, type Parameters } from "@cambium/core";
import { type BertConfig, loadModel, saveModel } from "@cambium/models";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { type Seedling, TOWARDS } from "./objective.ts";

/** Writes a model and its pooler, in 16-bit floats; what leads to the teacher is left out. */
export async function saveSeedling({ model }: Seedling, parameters: Parameters, files: Files): Promise<void> {
  const own = new Map([...parameters].filter(([name]) => !name.startsWith(TOWARDS)));
  await saveModel({ ...model, parameters: own }, files, { dtype: "F16" });
}

/** Reads what `saveSeedling` wrote, the pooler too. */
export async function loadSeedling(files: Files): Promise<Seedling> {
  const model = await loadModel<BertConfig>(files, { head: { kind: "masked-lm" } });
  const stored = await loadSafetensors(files, "model.safetensors");
  const beside = new Map<string, Tensor>();
  for (const [name, tensor] of stored) {
    const own = name.slice(name.startsWith("bert.") ? 5 : 0);
    if (model.parameters.has(own)) dispose(tensor);
    else beside.set(own, tensor);
  }
  return { model, parameters: new Map([...model.parameters, ...beside]) };
}
