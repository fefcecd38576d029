import { type Files, hub } from "@cambium/base";
import { type SaplingName, sapling, saplings } from "@cambium/saplings";
import { type Io, UseError } from "../io.ts";

/** How models are named on the command line, for `--help`. */
export const MODEL_ARGUMENT =
  "a folder, a .gguf file, an address, hub:organisation/name[@revision], or sapling:bert-4x256[@version]";

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The name behind a prefix, and what follows its `@`. */
function named(
  verb: string,
  name: string,
  prefix: string,
  form: string,
): readonly [name: string, at: string | undefined] {
  const [own = "", at, ...more] = name.slice(prefix.length).split("@");
  if (own !== "" && at !== "" && more.length === 0) return [own, at];
  throw new UseError(`${verb}: "${name}" is no model of that kind; write ${form}`);
}

/** The folder of a model that ships with Cambium. */
function saplingFiles(verb: string, name: string): Files {
  const [own, version] = named(verb, name, "sapling:", "sapling:bert-4x256 or sapling:bert-4x256@2");
  const found = saplings.find((info) => info.name === own && String(info.version) === (version ?? "1"));
  if (found !== undefined) return sapling(found.name satisfies SaplingName, { version: found.version });
  const known = saplings.map((info) => `sapling:${info.name}@${info.version}`).join(", ");
  throw new UseError(`${verb}: there is no ${name}; known are ${known}`);
}

/** The files that a model's name on the command line stands for; what comes from the hub shows how far it is. */
export function modelFiles(io: Io, verb: string, name: string): string | Files {
  if (name.startsWith("sapling:")) return saplingFiles(verb, name);
  if (!name.startsWith("hub:")) return name;
  const [repository, revision] = named(verb, name, "hub:", "hub:organisation/name or hub:organisation/name@revision");
  return hub(repository, {
    ...(revision !== undefined && { revision }),
    signal: io.signal,
    onProgress: ({ name: file, receivedBytes, totalBytes }) => {
      const share = totalBytes === undefined ? "" : ` of ${mebibytes(totalBytes)}`;
      io.live?.(`${file}: ${mebibytes(receivedBytes)}${share}`);
    },
  });
}

/** The name by which other programs find the model: a path, an address, or a name of the hub. */
export function modelPath(name: string): string {
  if (name.startsWith("sapling:")) return saplingFiles("model", name).location;
  return name.startsWith("hub:") ? name.slice("hub:".length).split("@")[0]! : name;
}
