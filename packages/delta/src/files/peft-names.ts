/** The files of a PEFT folder. */
export const CONFIG_FILE = "adapter_config.json";
export const WEIGHTS_FILE = "adapter_model.safetensors";

/** Whether a name belongs to the encoder, to which a task model gives a prefix, rather than to a head. */
export function isBackbone(name: string): boolean {
  return /^(embeddings|encoder|pooler)\./.test(name);
}
