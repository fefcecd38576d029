/** From a GGUF file to what `loadModel` reads of a folder: a config, an architecture, a checkpoint. */
import { ConfigError, FormatError } from "@cambium/base";
import type { Architecture } from "../architecture.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { type GgufFile, ggufCheckpoint, ROPE_FACTORS, readValues } from "./checkpoint.ts";
import { readFields } from "./fields.ts";
import type { GgufFormat } from "./format.ts";
import { brokenGguf, readGgufHeader } from "./header.ts";
import type { Located } from "./locate.ts";

/** A file's model, before any weight is read. */
export interface GgufModel {
  readonly architecture: Architecture;
  /** What a `config.json` would say. */
  readonly json: object;
  readonly checkpoint: Checkpoint;
}

/** One frequency for each pair of columns of a head: no model has heads of more. */
const FACTOR_LIMIT = 2 ** 16;

/** The file, its header read and checked. */
export async function openGguf({ files, name }: Located): Promise<GgufFile> {
  return { files, name, header: await readGgufHeader(files, name) };
}

/**
 * The model of a file.
 *
 * @param among - Architectures to choose from.
 * @throws {ConfigError} When no architecture reads the file's models.
 * @throws {FormatError} When the file is damaged, is no model, or says what cannot be followed.
 */
export async function loadGguf(located: Located, among: readonly Architecture[]): Promise<GgufModel> {
  const file = await openGguf(located);
  const { metadata, tensors } = file.header;
  const location = `"${file.name}" in ${file.files.location}`;
  checkKind(file);
  const { architecture, format } = chooseArchitecture(file, among);
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
  const ropeFactors = await readFactors(file);
  const source = { architecture: format.architecture, metadata, shapes, ropeFactors, location };
  const read = readFields(source, (fields) => format.readConfig(fields));
  const config = architecture.parse(`loadModel: the metadata of ${location}`, read, "file");
  // What llama.cpp runs continues text.
  const className = architecture.classNames(config)["causal-lm"];
  const json = { ...read, ...(className !== undefined && { architectures: [className] }) };
  return { architecture, json, checkpoint: ggufCheckpoint(file, format, config) };
}

/** Throws for a file that holds no whole model. */
function checkKind({ files, name, header: { metadata } }: GgufFile): void {
  const type = metadata.get("general.type");
  if (type !== undefined && type !== "model") {
    throw new FormatError({
      message: `loadModel: "${name}" in ${files.location} is of the type ${JSON.stringify(String(type))}, not a model`,
      type,
    });
  }
  const parts = metadata.get("split.count");
  if (parts !== undefined && parts !== 0 && parts !== 1) {
    throw new FormatError({
      message: `loadModel: "${name}" in ${files.location} is one of ${String(parts)} parts of a model; join them by llama.cpp's llama-gguf-split --merge`,
      parts,
    });
  }
}

function chooseArchitecture(
  { files, name, header: { metadata } }: GgufFile,
  among: readonly Architecture[],
): { readonly architecture: Architecture; readonly format: GgufFormat } {
  const stated = metadata.get("general.architecture");
  const candidates = among.flatMap((architecture) => {
    const { gguf: format } = architecture;
    return format !== undefined && format.architecture === stated ? [{ architecture, format }] : [];
  });
  const found =
    candidates.find(({ format }) => format.isMeant?.(metadata) === true) ??
    candidates.find(({ format }) => format.isMeant === undefined);
  if (found !== undefined) return found;
  const known = [...new Set(among.flatMap(({ gguf }) => gguf?.architecture ?? []))];
  throw new ConfigError({
    message: `loadModel: "${name}" in ${files.location} is a model of ${stated === undefined ? "no stated architecture" : `the architecture ${JSON.stringify(String(stated))}`}; GGUF files of ${known.join(", ")} are read`,
    architecture: stated,
  });
}

async function readFactors(file: GgufFile): Promise<readonly number[] | undefined> {
  const tensor = file.header.tensors.get(ROPE_FACTORS);
  if (tensor === undefined) return undefined;
  const { type, shape } = tensor;
  if (type.name !== "F32" || shape.length !== 1 || shape[0]! > FACTOR_LIMIT) {
    throw brokenGguf(
      file.files,
      file.name,
    )(`tensor "${ROPE_FACTORS}": ${type.name} [${shape}], and a short row of F32 is meant`);
  }
  return [...(await readValues(file, tensor))];
}
