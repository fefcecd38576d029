/** What a checkpoint's names and shapes mean for a model, found out before any value is read. */
import { FormatError } from "@cambium/base";
import type { EncoderConfig } from "./config.ts";
import { isBackbone } from "./encoder-model.ts";
import type { HeadConfig } from "./head-config.ts";
import { encoderShapes, headShapes, poolerShapes, readsPooler, type Shapes } from "./shapes.ts";

/** How a checkpoint serves a model. */
export interface Fit {
  /** Names in the file by parameter name, in the model's order. */
  readonly found: ReadonlyMap<string, string>;
  /** What the file lacks and random values must replace: a head, or the pooler below it. */
  readonly created: Shapes;
  /** Names in the file that the model does not use. */
  readonly unused: readonly string[];
}

const FLOATS = ["F64", "F32", "F16", "BF16"];

/**
 * Fits a checkpoint to a model.
 *
 * @param location - Where the checkpoint is, for the message.
 * @throws {FormatError} Listing every parameter that is missing, unexpected, or of another shape.
 */
export function fitCheckpoint(
  config: EncoderConfig,
  head: HeadConfig | undefined,
  stored: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>,
  location: string,
): Fit {
  const problems: Problems = { missing: [], unexpected: [], misshapen: [] };
  const byName = new Map<string, string>(); // parameter name to name in the file
  for (const fileName of stored.keys()) {
    const name = parameterName(fileName, config.model_type);
    const other = byName.get(name);
    if (other === undefined) byName.set(name, fileName);
    else problems.unexpected.push(`${fileName} (beside ${other})`);
  }
  renameDecoderBias(byName);

  const found = new Map<string, string>();
  const created = new Map<string, readonly number[]>();

  /** Takes what a part of the model needs. Some parts may be absent as a whole. */
  function take(shapes: Shapes, absent: "error" | "create" | "skip"): void {
    const isAbsent = [...shapes.keys()].every((name) => !byName.has(name));
    if (isAbsent && absent === "skip") return;
    for (const [name, shape] of shapes) {
      const fileName = byName.get(name);
      if (fileName === undefined) {
        if (isAbsent && absent === "create") created.set(name, shape);
        else problems.missing.push(name);
        continue;
      }
      found.set(name, fileName);
      const { dtype, shape: storedShape } = stored.get(fileName)!;
      if (!FLOATS.includes(dtype)) problems.misshapen.push(`${name} holds ${dtype}, not floats`);
      else if (storedShape.join() !== shape.join()) {
        problems.misshapen.push(`${name} has shape [${storedShape}], not [${shape}]`);
      }
    }
  }

  take(encoderShapes(config), "error");
  if (head === undefined) take(poolerShapes(config), "skip");
  else {
    if (readsPooler(config, head)) take(poolerShapes(config), "create");
    take(headShapes(config, head), "create");
  }

  const unused: string[] = [];
  for (const [name, fileName] of byName) {
    if (found.has(name)) continue;
    if (isBackbone(name) && !name.startsWith("pooler.") && !BUFFERS.includes(name)) problems.unexpected.push(fileName);
    else unused.push(fileName);
  }
  checkProblems(problems, unused, location);
  return { found, created, unused };
}

/** Stored by old versions of transformers, and no parameters. */
const BUFFERS = ["embeddings.position_ids", "embeddings.token_type_ids"];

/** Drops the task wrapper's prefix, and translates the names that layer norms had in TensorFlow. */
function parameterName(fileName: string, prefix: string): string {
  const name = fileName.startsWith(`${prefix}.`) ? fileName.slice(prefix.length + 1) : fileName;
  return name.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(/LayerNorm\.beta$/, "LayerNorm.bias");
}

/** A masked-LM decoder's bias has two names for one tensor; a file may hold either. */
function renameDecoderBias(byName: Map<string, string>): void {
  for (const path of ["cls.predictions", "lm_head"]) {
    const fileName = byName.get(`${path}.decoder.bias`);
    if (fileName === undefined || byName.has(`${path}.bias`)) continue;
    byName.delete(`${path}.decoder.bias`);
    byName.set(`${path}.bias`, fileName);
  }
}

interface Problems {
  readonly missing: string[];
  readonly unexpected: string[];
  readonly misshapen: string[];
}

function checkProblems(problems: Problems, unused: readonly string[], location: string): void {
  const lines = Object.entries(problems)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${names.length} ${what}: ${names.join(", ")}`);
  if (lines.length === 0) return;
  if (problems.missing.length > 0 && unused.length > 0) lines.push(`not understood: ${unused.join(", ")}`);
  throw new FormatError({
    message: `loadModel: the weights in ${location} do not fit its config.json or the head that was asked for. ${lines.join("; ")}`,
    ...problems,
    location,
  });
}
