/** LoRAs as other programs name them: two matrices and a scale for each layer. */
import type { LanguageModel } from "@cambium/models";
import { lora } from "../../methods/lora.ts";
import { type Draft, draft } from "../draft.ts";
import { ourName } from "../peft-names.ts";
import type { Viewed } from "./view.ts";

/** One layer of such a file. */
export interface ForeignLayer {
  /** Path of the module, in the file's words. */
  readonly module: string;
  readonly a?: Viewed;
  readonly b?: Viewed;
  /** What `B A x` is multiplied by; undefined where it is 1. */
  readonly scale?: number;
}

/** What a file of LoRAs amounts to. */
export interface ForeignLora {
  readonly drafts: readonly Draft[];
  readonly tensors: ReadonlyMap<string, Viewed>;
  readonly problems: readonly string[];
}

/**
 * A LoRA of layers with ranks and scales that may differ.
 *
 * @param findPath - Our path of a module in the file's words.
 */
export function readLayers(
  base: LanguageModel,
  layers: readonly ForeignLayer[],
  dropout: number,
  findPath: (module: string) => string | undefined = (module) => ourName(base, module),
): ForeignLora {
  const paths = new Set(base.sites().flatMap(({ kind, path }) => (kind === "linear" ? [path] : [])));
  const found = new Map<string, { readonly rank: number; readonly alpha: number }>();
  const tensors = new Map<string, Viewed>();
  const problems: string[] = [];
  for (const { module, a, b, scale = 1 } of layers) {
    const path = findPath(module);
    if (path === undefined || !paths.has(path)) {
      problems.push(`the module "${module}" is no linear layer of the model`);
      continue;
    }
    const shown = a ?? b;
    const shape = shown!.file.entries.get(shown!.key)!.shape;
    const narrow = a === undefined ? shape.at(shown!.isTransposed ? 0 : -1) : shape.at(shown!.isTransposed ? -1 : 0);
    const rank = narrow ?? 0;
    if (rank < 1 || !(scale > 0)) problems.push(`the module "${module}" has rank ${rank} and scale ${scale}`);
    found.set(path, { rank, alpha: scale * rank });
    if (a !== undefined) tensors.set(`${path}.lora_A.weight`, a);
    if (b !== undefined) tensors.set(`${path}.lora_B.weight`, b);
  }
  if (problems.length > 0 || found.size === 0) return { drafts: [], tensors, problems };
  const [usual] = found.values();
  const differing = (key: "rank" | "alpha"): Readonly<Record<string, number>> =>
    Object.fromEntries(
      [...found].flatMap(([path, each]) =>
        each[key] === usual![key] ? [] : [[path.replaceAll(".", String.raw`\.`), each[key]]],
      ),
    );
  const options = {
    targets: ({ path }: { path: string }) => found.has(path),
    ...usual!,
    dropout,
    rankPattern: differing("rank"),
    alphaPattern: differing("alpha"),
  };
  return { drafts: [draft(base, lora as never, options)], tensors, problems };
}
