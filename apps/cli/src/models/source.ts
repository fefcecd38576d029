import { type Files, hub } from "@cambium/base";
import { type Io, UseError } from "../io.ts";

/** How models are named on the command line, for `--help`. */
export const MODEL_ARGUMENT = "a folder, a .gguf file, an address, or hub:organisation/name[@revision]";

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The files that a model's name on the command line stands for; what comes from the hub shows how far it is. */
export function modelFiles(io: Io, verb: string, name: string): string | Files {
  if (!name.startsWith("hub:")) return name;
  const [repository = "", revision, ...more] = name.slice("hub:".length).split("@");
  if (repository === "" || revision === "" || more.length > 0) {
    throw new UseError(
      `${verb}: "${name}" is no model of the hub; write hub:organisation/name or hub:organisation/name@revision`,
    );
  }
  return hub(repository, {
    ...(revision !== undefined && { revision }),
    signal: io.signal,
    onProgress: ({ name: file, receivedBytes, totalBytes }) => {
      const share = totalBytes === undefined ? "" : ` of ${mebibytes(totalBytes)}`;
      io.live?.(`${file}: ${mebibytes(receivedBytes)}${share}`);
    },
  });
}
