import { type Files, hasFile } from "@cambium/base";
import { openSafetensors, openTorchFile, type Safetensors } from "@cambium/core";

/**
 * A folder's weights: the safetensors file, or else the one of PyTorch's that older versions of the same program wrote.
 *
 * @throws {FileError} When there is neither.
 * @throws {FormatError} When the file is damaged, or a pickle that asks for more than tensors.
 */
export async function openWeights(files: Files, name: string, older: string): Promise<Safetensors> {
  const isOlder = !(await hasFile(files, name)) && (await hasFile(files, older));
  return isOlder ? openTorchFile(files, older) : openSafetensors(files, name);
}
