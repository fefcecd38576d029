/** Deltas that sit on the layers of a part, such as LoRA, adapters and prefixes, carried to a larger one. */
import { ConfigError, canonicalJson, checkOptions, type JsonObject, ShapeError } from "@cambium/base";
import { mapParameters, type Parameters, type Site } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { add, clone, concat, mul, slice, type Tensor, tidy } from "@tensorflow/tfjs-core";

/** Settings of `growDelta`. */
export interface GrowDeltaOptions {
  /**
   * What a new layer begins with: the values of the nearest layer that was trained, the lower of two; or a mean of both neighbours, the nearer counting more.
   *
   * @default "copy"
   */
  readonly method?: "copy" | "interpolate";
}

/**
 * A tuned model on more layers whose deltas begin as those of a part of it ended. Layers that both have keep their values; new ones take
 * those of their neighbours in the same stack. For deltas that keep a tensor for each place, under its path, and for `prefix`, whose one tensor has columns for each attention.
 *
 * @param small - Trained on some layers: its deltas were made for the part.
 * @param whole - The same deltas, made for more layers. Its own values are not read.
 * @returns `whole` at the new point, whose tensors the caller owns.
 * @throws {ConfigError} When a tensor is of no place that a trained layer has as well, and when deltas of one name differ in settings other than their places and starts.
 * @throws {ShapeError} When neighbours differ in shape.
 * @example
 * const grown = growDelta(trained, attach(base, lora(base, { rank: 4 }, random(1))));
 */
export function growDelta<M extends LanguageModel>(
  small: Tuned<LanguageModel>,
  whole: Tuned<M>,
  options: GrowDeltaOptions = {},
): Tuned<M> {
  checkOptions("growDelta", options, ["method"]);
  const { method = "copy" } = options;
  if (method !== "copy" && method !== "interpolate")
    throw new ConfigError({
      message: `growDelta: method must be "copy" or "interpolate", got ${JSON.stringify(method)}`,
    });
  checkSettings(small.deltas, whole.deltas);
  const blocks = whole.sites().filter(({ kind }) => kind === "block");
  const kept = new Set(
    small
      .sites()
      .filter(({ kind }) => kind === "block")
      .map(({ path }) => path),
  );
  const known: Known = { blocks, kept, method };
  const parameters = mapParameters(whole.parameters, (like, name) => {
    const found = small.parameters.get(name);
    const axis = found === undefined ? undefined : attentionAxis(whole, name);
    if (axis !== undefined) return checked(name, grownColumns(found!, axis, small, whole, known), like);
    if (found !== undefined) return checked(name, clone(found), like);
    return checked(name, fromNeighbours(name, small.parameters, known), like);
  });
  return whole.with(parameters);
}

/** Settings that may differ: where a delta sits, and where its numbers began. */
const PLACES_AND_STARTS: readonly string[] = ["targets", "layers", "init"];

/** Equal numbers mean something else under other settings, such as a LoRA's `alpha`. */
function checkSettings(small: Tuned["deltas"], whole: Tuned["deltas"]): void {
  const settingsOf = ({ kind, config }: Tuned["deltas"][number]): string => {
    const settings = Object.entries(config as JsonObject).filter(([key]) => !PLACES_AND_STARTS.includes(key));
    return canonicalJson({ kind, ...Object.fromEntries(settings) });
  };
  const differing = whole.flatMap((delta) => {
    const own = small.find(({ name }) => name === delta.name);
    if (own === undefined || settingsOf(own) === settingsOf(delta)) return [];
    return [`${delta.name} is ${settingsOf(delta)}, and was trained as ${settingsOf(own)}`];
  });
  if (differing.length > 0)
    throw new ConfigError({ message: `growDelta: settings differ: ${differing.join("; ")}`, differing });
}

interface Known {
  readonly blocks: readonly Site[];
  readonly kept: ReadonlySet<string>;
  readonly method: "copy" | "interpolate";
}

/** The axis along which a tensor of a prefix has columns for each attention, where it is one. */
function attentionAxis({ deltas }: Pick<Tuned, "deltas">, name: string): 0 | 1 | undefined {
  const prefix = deltas.find((delta) => delta.kind === "prefix" && name.startsWith(`${delta.name}/`));
  if (prefix === undefined) return undefined;
  if (name.endsWith("/prompt_embeddings")) return 1;
  return name.endsWith("/transform.2.weight") || name.endsWith("/transform.2.bias") ? 0 : undefined;
}

/** Keys and values of each attention in their order: those that were trained, and for the others those of neighbours. */
function grownColumns(
  from: Tensor,
  axis: 0 | 1,
  small: Pick<Tuned, "sites">,
  whole: Pick<Tuned, "sites">,
  known: Known,
): Tensor {
  const attentions = ({ sites }: Pick<Tuned, "sites">): readonly Site[] =>
    sites().filter(({ kind }) => kind === "attention");
  return tidy(() => {
    const columns = new Map<string, Tensor>();
    let at = 0;
    for (const { path, width, keyHeads } of attentions(small)) {
      const size = 2 * width * keyHeads!;
      columns.set(`/${path}.`, slice(from, axis === 0 ? [at] : [0, at], axis === 0 ? [size] : [-1, size]));
      at += size;
    }
    const parts = attentions(whole).map(({ path }) => {
      const name = `/${path}.`;
      return columns.get(name) ?? fromNeighbours(name, columns, known);
    });
    return concat(parts, axis);
  });
}

function fromNeighbours(name: string, parameters: Parameters, { blocks, kept, method }: Known): Tensor {
  const own = blocks.find(({ path }) => name.includes(`/${path}.`));
  const at = (block: Site): Tensor | undefined => parameters.get(name.replace(`/${own!.path}.`, `/${block.path}.`));
  const trained =
    own === undefined
      ? []
      : blocks.filter((block) => block.stack === own.stack && kept.has(block.path) && at(block) !== undefined);
  if (own === undefined || trained.length === 0)
    throw new ConfigError({
      message: `growDelta: nothing that was trained stands where "${name}" does in another layer`,
      name,
    });
  const below = trained.findLast(({ layer }) => layer! < own.layer!);
  const above = trained.find(({ layer }) => layer! > own.layer!);
  if (below === undefined || above === undefined) return clone(at((below ?? above)!)!);
  const share = (own.layer! - below.layer!) / (above.layer! - below.layer!);
  if (method === "copy") return clone(at(share <= 0.5 ? below : above)!);
  return tidy(() => add(mul(at(below)!, 1 - share), mul(at(above)!, share)));
}

function checked(name: string, value: Tensor, like: Tensor): Tensor {
  if (value.shape.join() === like.shape.join()) return value;
  const { shape } = value;
  value.dispose();
  throw new ShapeError({
    message: `growDelta: "${name}" would get values of [${shape}], and it is [${like.shape}]`,
    name,
  });
}
