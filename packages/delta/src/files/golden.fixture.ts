/** Adapters that PEFT wrote, with what it computes with them: see fixtures/README.md. */
import { readFileSync } from "node:fs";
import { folder, memory } from "@cambium/base";
import { disposeParameters, openSafetensors, random, valueAndGradients } from "@cambium/core";
import { type HeadConfig, type LanguageModel, loadModel, type TokenBatch } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { mul, reshape, slice, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { attach, type Tuned } from "../attach.ts";
import { loadAdapter } from "./load-adapter.ts";
import { ourName, unwrapKey } from "./peft-names.ts";
import { saveAdapter } from "./save-adapter.ts";

const packages = new URL("../../../", import.meta.url);
const adapters = new URL("delta/fixtures/adapters/", packages);

/** The JSON file of an adapter. */
export function goldenJson<Json>(name: string, file: string): Json {
  return JSON.parse(readFileSync(new URL(`${name}/${file}`, adapters), "utf8")) as Json;
}

/** The folder of an adapter. */
export const goldenFolder = (name: string): ReturnType<typeof folder> => folder(new URL(name, adapters).pathname);

/** A batch as JSON. */
export type GoldenBatch = Readonly<Record<string, number[][] | number[]>>;

/** Numbers as JSON. */
export interface GoldenTensor {
  readonly shape: number[];
  readonly values: number[];
}

/** What PEFT computes with an adapter. */
export interface Golden {
  readonly base: string;
  readonly batch: GoldenBatch;
  readonly logits: GoldenTensor;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, GoldenTensor>>;
  readonly regularised?: { readonly loss: number; readonly gradients: Readonly<Record<string, GoldenTensor>> };
}

/** The base that an adapter was made on, by its path in `packages`. The caller owns its parameters. */
export function loadGoldenBase(path: string): Promise<LanguageModel> {
  return loadModel(folder(new URL(path, packages).pathname), { head: headOf(path) });
}

function headOf(path: string): HeadConfig {
  if (path.includes("t5")) return { kind: "sequence-to-sequence" };
  if (/gpt2|llama|mistral|qwen3/.test(path)) return { kind: "causal-lm" };
  return { kind: "sequence-classification", labels: ["LABEL_0", "LABEL_1", "LABEL_2"] };
}

/** The caller owns the tensors. */
export function goldenBatch(batch: GoldenBatch): TokenBatch {
  const tensor = (name: string, dtype: "int32" | "float32"): Tensor | undefined => {
    const rows = batch[name];
    if (rows === undefined) return undefined;
    return Array.isArray(rows[0]) ? tensor2d(rows as number[][], undefined, dtype) : tensor1d(rows as number[], dtype);
  };
  const fields = {
    ids: tensor("ids", "int32"),
    mask: tensor("mask", "float32"),
    types: tensor("types", "int32"),
    labels: tensor("labels", "int32"),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** Logits of real positions: where every position has some, those of padding are zero. */
export function goldenLogits(tuned: Pick<LanguageModel, "forward">, batch: TokenBatch, base: LanguageModel): Tensor {
  return tidy(() => {
    const { logits } = tuned.forward(batch);
    if (base.head!.kind !== "causal-lm") return logits!;
    const extra = logits!.shape[1]! - batch.mask.shape[1]; // rows of prompts
    const words = slice(logits!, [0, extra, 0], [-1, -1, -1]);
    return mul(words, reshape(batch.mask, [...batch.mask.shape, 1]));
  });
}

/** Float32 implementations of random models differ by up to 9e-6 in logits; gradients here reach 30. */
const tolerance = { absolute: 1e-4, relative: 1e-4 };

/** Loads an adapter, runs `body`, and disposes of all that was loaded. */
export async function withGolden(
  name: string,
  body: (tuned: Tuned<LanguageModel>, golden: Golden, batch: TokenBatch) => void | Promise<void>,
): Promise<void> {
  const golden = goldenJson<Golden>(name, "expected.json");
  const base = await loadGoldenBase(golden.base);
  const delta = await loadAdapter(base, goldenFolder(name));
  const batch = goldenBatch(golden.batch);
  const tuned = attach(base, delta);
  expect(tuned.warnings).toBe(undefined); // PEFT's own settings are all known
  try {
    await body(tuned, golden, batch);
  } finally {
    for (const tree of [delta.parameters, delta.buffers, delta.state, base.parameters]) disposeParameters(tree);
    disposeFields(batch);
  }
}

/** Expects logits, loss and gradients of an adapter to be PEFT's. */
export function expectGolden(name: string): Promise<void> {
  return withGolden(name, (tuned, golden, batch) => {
    const logits = goldenLogits(tuned, batch, tuned.base);
    expect(logits.shape).toEqual(golden.logits.shape);
    expect(Array.from(logits.dataSync())).toBeAllClose(golden.logits.values, tolerance);
    logits.dispose();
    const expected = golden.regularised ?? golden;
    const context = { random: random(1), training: false };
    const { value, gradients } = valueAndGradients((at) => tuned.loss(at, batch, context), tuned.parameters);
    expect(value).toBeAllClose(expected.loss, tolerance);
    const { read = (key: string): string | undefined => key } = tuned.deltas[0]!.method.peft?.keys ?? {};
    const ours = new Map([...gradients].map(([key, gradient]) => [key.slice(key.indexOf("/") + 1), gradient]));
    for (const [key, { shape, values }] of Object.entries(expected.gradients)) {
      if (values.length === 0) continue; // of what is pruned away
      const name = read(unwrapKey(key), tuned.base);
      const gradient = ours.get(ourName(tuned.base, name!))!;
      expect(gradient.shape, key).toEqual(shape);
      expect(Array.from(gradient.dataSync())).toBeAllClose(values, tolerance);
    }
    value.dispose();
    disposeParameters(gradients);
  });
}

/** Expects an adapter that was read and saved again to have the tensors of PEFT's file to the bit, and its config. */
export function expectSavedAgain(name: string, fields: readonly string[]): Promise<void> {
  return withGolden(name, async (tuned) => {
    const files = memory();
    expect(await saveAdapter(tuned, files)).toEqual({ format: "peft" });
    const [ours, theirs] = await Promise.all(
      [files, goldenFolder(name)].map((source) => openSafetensors(source, "adapter_model.safetensors")),
    );
    expect([...ours!.entries.keys()].sort()).toEqual([...theirs!.entries.keys()].sort());
    for (const [key, { shape }] of theirs!.entries) {
      expect(ours!.entries.get(key)!.shape, key).toEqual(shape);
      expect(await ours!.values(key)).toEqual(await theirs!.values(key));
    }
    const config = JSON.parse(new TextDecoder().decode(await files.read("adapter_config.json"))) as Record<
      string,
      unknown
    >;
    const theirConfig = goldenJson<Record<string, unknown>>(name, "adapter_config.json");
    expect(Object.keys(theirConfig)).toEqual(expect.arrayContaining(Object.keys(config)));
    for (const field of fields) expect([field, config[field]]).toEqual([field, theirConfig[field]]);
  });
}
