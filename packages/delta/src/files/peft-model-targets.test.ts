import { readFileSync } from "node:fs";
import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, random, saveSafetensors } from "@cambium/core";
import { createModel, type HeadConfig, type LanguageModel } from "@cambium/models";
import { zeros } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { loadAdapter } from "./load-adapter.ts";
import { openPeftConfig } from "./peft-config.ts";
import { loraFormat } from "./peft-lora.ts";
import { saveAdapter } from "./save-adapter.ts";

interface Family {
  readonly config: { readonly model_type: string };
  readonly layers: readonly string[];
  readonly cases: readonly {
    readonly config: Readonly<Record<string, unknown>>;
    readonly ranks: Readonly<Record<string, number>>;
  }[];
}

// Made by PEFT on its own models: see make_model_targets.py beside it.
const families = JSON.parse(
  readFileSync(new URL("../../fixtures/peft/model-targets.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Family>>;

const heads: Readonly<Record<string, HeadConfig>> = {
  bert: { kind: "sequence-classification", labels: ["a", "b", "c"] },
  distilbert: { kind: "sequence-classification", labels: ["a", "b", "c"] },
  t5: { kind: "sequence-to-sequence" },
  gpt2: { kind: "causal-lm" },
  llama: { kind: "causal-lm" },
  qwen3: { kind: "causal-lm" },
};

function withModel<Result>(family: string, body: (base: LanguageModel) => Result): Result {
  const base = createModel(families[family]!.config, random(1), { head: heads[family]! });
  try {
    return body(base);
  } finally {
    disposeParameters(base.parameters);
  }
}

test.each(Object.keys(families))("linear layers of %s have PEFT's names", (family) => {
  const names = withModel(family, (base) =>
    base
      .sites()
      .flatMap(({ kind, part, path }) => (kind === "linear" && part === undefined ? [base.fileName(path)] : [])),
  );
  expect([...names].sort()).toEqual([...families[family]!.layers].sort());
});

const cases = Object.entries(families).flatMap(([family, { cases: all }]) =>
  all.map(({ config, ranks }) => ({ family, config, ranks, shown: JSON.stringify(config) })),
);

/** A folder as PEFT leaves it: tensors for each layer that it targets, of the layer's rank. */
async function loadCase(base: LanguageModel, { config, ranks }: (typeof cases)[number]) {
  const files = memory();
  const tensors = new Map(
    Object.entries(ranks).flatMap(([name, rank]) => {
      const site = base.sites().find(({ path, kind }) => kind === "linear" && base.fileName(path) === name)!;
      const key = `base_model.model.${name}`;
      return [
        [`${key}.lora_A.weight`, zeros([rank, site.input!])] as const,
        [`${key}.lora_B.weight`, zeros([site.width, rank])] as const,
      ];
    }),
  );
  await saveSafetensors(files, "adapter_model.safetensors", tensors);
  disposeParameters(tensors);
  const { modules_to_save: _, ...rest } = config; // its tensors are not here
  await files.write("adapter_config.json", JSON.stringify({ peft_type: "LORA", r: 4, ...rest }));
  return loadAdapter(base, files);
}

const loadable = cases.filter(
  ({ config, ranks }) => config["modules_to_save"] === undefined && Object.keys(ranks).length > 0,
);

test.each(loadable)("on $family, $shown targets the layers that PEFT targets, at its ranks", async (each) => {
  const base = createModel(families[each.family]!.config, random(1), { head: heads[each.family]! });
  const delta = await loadCase(base, each);
  const tuned = attach(base, delta).with(mapParameters(attach(base, delta).parameters, (value) => value.clone()));
  const files = memory();
  expect(await saveAdapter(tuned, files)).toEqual({ format: "peft" });
  const again = await loadAdapter(base, files);
  for (const read of [delta, again]) {
    const ranks = [...read.parameters].flatMap(([name, { shape }]) =>
      name.endsWith(".lora_A.weight")
        ? [[base.fileName(name.slice(0, -".lora_A.weight".length)), shape[0]] as const]
        : [],
    );
    expect(Object.fromEntries(ranks)).toEqual(each.ranks);
  }
  for (const tree of [delta.parameters, again.parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
});

const others = cases.filter((each) => !loadable.includes(each));

test.each(others)("on $family, $shown goes where PEFT goes", ({ family, config, ranks }) => {
  withModel(family, (base) => {
    const source = openPeftConfig(base, { peft_type: "LORA", r: 4, ...config }, true, "memory");
    const paths = (loraFormat.read(source).options?.targets ?? []) as readonly string[];
    expect(paths.map((path) => base.fileName(path)).sort()).toEqual(Object.keys(ranks).sort());
  });
});
