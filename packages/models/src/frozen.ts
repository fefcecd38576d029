/** Models whose frozen layers are held in few bits. */
import { ConfigError, FormatError, nearest } from "@cambium/base";
import { BlockRoom, blockWeight, disposeParameters, quantiseWeight, quantiseWeightInBlocks } from "@cambium/core";
import { clone, type Tensor } from "@tensorflow/tfjs-core";
import type { Checkpoint } from "./checkpoint.ts";
import type { Layout } from "./layout.ts";

/** How `loadModel` holds the weights of frozen layers. */
export type Frozen = "float32" | "int8" | "int4" | "as stored";

/** How one weight is held: with a scale for each channel, in blocks of 4 or 8 bits, or in the blocks of its file. */
type Form = "int8" | 4 | 8 | "stored";

/** Types of numbers that no blocks hold. */
const PLAIN: readonly (string | undefined)[] = [undefined, "F16", "BF16"];

/** What is asked of `frozenForms`. */
export interface FrozenRequest {
  readonly layout: Layout;
  readonly checkpoint: Pick<Checkpoint, "entries" | "blockTypes">;
  /** Names in the file by parameter name. */
  readonly found: ReadonlyMap<string, string>;
  readonly location: string;
}

/**
 * How each weight is held that is not float32, by name. `"int8"` is for the matrices of attention and feed-forward layers of every block, as
 * the layout marks them; `"int4"` for the same in 4 bits, and the tables of words in 8; `"as stored"` for both, where the file has them in
 * blocks. Norms, biases, the pooler and other heads stay as they are.
 *
 * @param keepFloat - Weights to leave out.
 * @throws {ConfigError} When one of these is no such weight, with the nearest; when `frozen` is no way of holding weights; when no
 *   weight of the file is in blocks, or one is in blocks that can only be read as floats: names them.
 */
export function frozenForms(
  request: FrozenRequest,
  frozen: Frozen = "float32",
  keepFloat: readonly string[] = [],
): ReadonlyMap<string, Form> {
  const { layout } = request;
  const [matrix, table] = formsOf(frozen, keepFloat);
  const forms = new Map<string, Form>();
  for (const [name, { eightBit, isTable }] of layout.parameters) {
    const form = eightBit !== undefined ? matrix : isTable === true ? table : undefined;
    if (form !== undefined) forms.set(name, form);
  }
  for (const name of keepFloat) {
    if (forms.delete(name)) continue;
    const near = nearest(name, forms.keys());
    throw new ConfigError({
      message: `loadModel: keepFloat names "${name}", which is no weight that frozen: "${frozen}" would put into fewer bits${near === undefined ? "" : `; did you mean "${near}"?`}`,
      name,
    });
  }
  return frozen === "as stored" ? onlyBlocks(forms, request) : forms;
}

/** How matrices and tables are held. */
function formsOf(
  frozen: Frozen,
  keepFloat: readonly string[],
): readonly [matrix: Form | undefined, table: Form | undefined] {
  switch (frozen) {
    case "int8":
      return ["int8", undefined];
    case "int4":
      return [4, 8];
    case "as stored":
      return ["stored", "stored"];
    case "float32":
      if (keepFloat.length === 0) return [undefined, undefined];
      throw new ConfigError({
        message: 'loadModel: keepFloat says what frozen leaves out, and frozen is "float32"',
        frozen,
      });
    default:
      throw new ConfigError({
        message: `loadModel: frozen must be "float32", "int8", "int4" or "as stored", got ${JSON.stringify(frozen)}`,
        frozen,
      });
  }
}

/** The weights among these that the file has in blocks. */
function onlyBlocks(
  forms: ReadonlyMap<string, Form>,
  { checkpoint: { entries, blockTypes = [] }, found, location }: FrozenRequest,
): ReadonlyMap<string, Form> {
  const typeOf = (name: string): string | undefined => entries.get(found.get(name) ?? "")?.blocks;
  const inBlocks = [...forms].filter(([name]) => !PLAIN.includes(typeOf(name)));
  if (inBlocks.length === 0) {
    throw new ConfigError({
      message: `loadModel: no matrix in ${location} is stored in blocks, which frozen: "as stored" would hold as they are; leave it out, or take "int8" or "int4"`,
      location,
    });
  }
  const others = inBlocks.map(([name]) => name).filter((name) => !blockTypes.includes(typeOf(name)!));
  if (others.length > 0) {
    const [first] = others as [string, ...string[]];
    const more = others.length > 1 ? ` and ${others.length - 1} more` : "";
    throw new ConfigError({
      message: `loadModel: "${first}" (${typeOf(first)})${more} in ${location} ${others.length > 1 ? "are" : "is"} stored in other blocks than ${blockTypes.join(", ")}, and cannot be held as stored; name ${others.length > 1 ? "them" : "it"} in keepFloat for float32, or take frozen: "int4"`,
      others,
    });
  }
  return new Map(inBlocks);
}

/**
 * Reads weights one after the other and puts each into its form before the next is read. The caller owns them.
 *
 * @param found - Names in the file by parameter name.
 * @throws {FormatError} When a weight that is rounded is not finite.
 */
export async function loadFrozen(
  checkpoint: Checkpoint,
  found: ReadonlyMap<string, string>,
  layout: Layout,
  forms: ReadonlyMap<string, Form>,
): Promise<Map<string, Tensor>> {
  const room = new BlockRoom();
  const weights = new Map<string, Tensor>();
  const taken = new Map<string, Tensor>(); // where the file keeps two parameters as one
  try {
    for (const [name, form] of forms) {
      const fileName = found.get(name);
      if (fileName === undefined) continue; // created
      const key = `${form} ${fileName}`;
      const known = taken.get(key);
      const weight = known === undefined ? await loadOne(checkpoint, name, fileName, layout, form, room) : clone(known);
      taken.set(key, weight);
      weights.set(name, weight);
    }
  } catch (error) {
    disposeParameters(weights);
    throw error;
  }
  return weights;
}

async function loadOne(
  checkpoint: Checkpoint,
  name: string,
  fileName: string,
  layout: Layout,
  form: Form,
  room: BlockRoom,
): Promise<Tensor> {
  if (form === "stored") return blockWeight(await checkpoint.blocks!(fileName, room));
  const values = (await checkpoint.values(fileName)) as Float32Array | Float64Array;
  const [rows, columns] = checkpoint.entries.get(fileName)!.shape as readonly [number, number];
  const stored = layout.parameters.get(name)!.eightBit ?? "out,in";
  const shape = stored === "out,in" ? ([rows, columns] as const) : ([columns, rows] as const);
  return form === "int8"
    ? quantiseWeight(name, values, shape, stored)
    : quantiseWeightInBlocks(name, values, shape, { bits: form, layout: stored, room });
}

/**
 * Throws for a checkpoint that another program has quantised: its names and values mean something else.
 *
 * @throws {FormatError} Naming the method.
 */
export function checkNotQuantised(json: unknown, location: string): void {
  const settings = (json as { quantization_config?: { quant_method?: unknown } | null } | null)?.quantization_config;
  if (settings == null) return;
  const method = String(settings.quant_method ?? "an unnamed method");
  throw new FormatError({
    message: `loadModel: the weights in ${location} are quantised already, by ${method}; take the float checkpoint that they were made of, with frozen: "int8" for 8 bits or "int4" for 4`,
    method,
    location,
  });
}
