/** Writes the folder of a random model of a size, for processes that load it in either form. `eight-bit.ts` starts it. */
import { random, useBackend } from "@cambium/core";
import { createModel, saveModel } from "@cambium/models";
import { parseFlags } from "./flags.ts";
import { parseSize, robertaConfig } from "./sizes.ts";

const { values } = parseFlags({ options: { size: { type: "string" }, folder: { type: "string" } } });
await useBackend("onnx");
const model = createModel(robertaConfig(parseSize(values.size!)), random(0));
await saveModel(model, values.folder!);
console.log(JSON.stringify({ bench: "eight-bit", wrote: values.size }));
