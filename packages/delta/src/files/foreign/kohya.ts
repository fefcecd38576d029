/** Files of kohya's scripts and what follows them: `lora_down`, `lora_up` and `alpha` for each layer, one file without a config. */
import type { Files } from "@cambium/base";
import { openSafetensors, type Safetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { type ForeignLora, readLayers } from "./lora-layers.ts";
import type { Viewed } from "./view.ts";

const KEY = /^(.*)\.(lora_down\.weight|lora_up\.weight|alpha)$/;

/** The one file of weights in a folder without a config, if its names are kohya's. */
export async function openKohya(files: Files): Promise<Safetensors | undefined> {
  const names = (await files.list()).map(({ name }) => name).filter((name) => name.endsWith(".safetensors"));
  if (names.length !== 1) return undefined;
  const file = await openSafetensors(files, names[0]!);
  return [...file.entries.keys()].some((key) => key.endsWith(".lora_down.weight")) ? file : undefined;
}

/** What such a file amounts to: `y += alpha / rank · up (down x)`; without an alpha, its rank. */
export async function readKohya(base: LanguageModel, file: Safetensors): Promise<ForeignLora> {
  const layers = new Map<string, { a?: Viewed; b?: Viewed; alpha?: number }>();
  const problems: string[] = [];
  for (const [key, { shape }] of file.entries) {
    const [, module, what] = KEY.exec(key) ?? [];
    if (module === undefined) {
      problems.push(`unexpected ${key}`);
      continue;
    }
    const layer = layers.get(module) ?? {};
    if (what === "alpha") {
      if (shape.reduce((size, each) => size * each, 1) === 1) layer.alpha = Number((await file.values(key))[0]);
      else problems.push(`${key} has shape [${shape}], not one number`);
    } else layer[what === "lora_down.weight" ? "a" : "b"] = { file, key };
    layers.set(module, layer);
  }
  const all = [...layers].flatMap(([module, { a, b, alpha }]) => {
    if (a === undefined && b === undefined) {
      problems.push(`the module "${module}" has an alpha alone`);
      return [];
    }
    const [rank = 1] = a === undefined ? [] : a.file.entries.get(a.key)!.shape;
    return [{ module, ...(a && { a }), ...(b && { b }), ...(alpha !== undefined && { scale: alpha / rank }) }];
  });
  const read = readLayers(base, all, 0, pathFinder(base));
  return { ...read, problems: [...problems, ...read.problems] };
}

/** Kohya writes dots as underscores, behind a word for the part of the model: the linear layer whose path a name ends with. */
function pathFinder(base: LanguageModel): (module: string) => string | undefined {
  const linear = base.sites().filter(({ kind, part }) => kind === "linear" && part === undefined);
  const flat = linear.map(
    ({ path }) => [path, base.fileName(path).replaceAll(".", "_"), path.replaceAll(".", "_")] as const,
  );
  return (module) => {
    const name = `_${module.replaceAll(".", "_")}`;
    const found = flat.filter(([, whole, own]) => name.endsWith(`_${whole}`) || name.endsWith(`_${own}`));
    return found.sort(([a], [b]) => b.length - a.length)[0]?.[0];
  };
}
