import { bareName, fileName, type LanguageModel, type Named, ownName } from "@cambium/models";

/** The files of a PEFT folder. */
export const CONFIG_FILE = "adapter_config.json";
export const WEIGHTS_FILE = "adapter_model.safetensors";
/** What versions of PEFT before 0.6 wrote. */
export const OLDER_WEIGHTS_FILE = "adapter_model.bin";

const namedBy = ({ architecture, head, isBody }: LanguageModel): Named => ({
  wrapper: architecture.wrapper,
  kind: head?.kind,
  isBody,
});

/** A key without the wrappers that PEFT, and PyTorch's compiler, put around a model's names. */
export function unwrapKey(key: string): string {
  return key
    .replaceAll("_orig_mod.", "")
    .replace(/^base_model\.(model\.)?/, "")
    .replace(/\.modules_to_save\.[^.]+\./, ".");
}

/** Whether a file's keys are those of a task model, as opposed to its body alone. Without any key of a body, of this model. */
export function isTaskFile(base: LanguageModel, keys: Iterable<string>): boolean {
  const { wrapper } = base.architecture;
  const names = [...keys].map(unwrapKey);
  if (wrapper === undefined || names.some((name) => bareName(wrapper, name) !== name)) return true;
  const isOfBody = (name: string): boolean => base.isBody(ownName(namedBy(base), name));
  return names.some(isOfBody) ? false : base.head !== undefined;
}

/** Our name of what a file calls `name`, whichever model the file was made on. */
export function ourName(base: LanguageModel, name: string): string {
  return ownName(namedBy(base), name);
}

/** What a file calls our `name`. */
export function theirName(base: LanguageModel, name: string, isTask: boolean): string {
  return fileName(namedBy(base), name, isTask);
}
