/** The same run on every backend: equal numbers, no growth, and a way out when the native runtime is missing. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type BackendChoice, disposeParameters, random, silu, useBackend } from "@cambium/core";
import { attach, head, lora, whole } from "@cambium/delta";
import { createModel, type TokenBatch } from "@cambium/models";
import { adamW, batches, train } from "@cambium/train";
import { tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

interface Flatness {
  readonly step: number;
  readonly tensors: number;
  readonly sessions: number;
  readonly compiles: number;
  readonly pending: number;
  readonly rssMiB: number;
}

/** What a program of `programs/` prints, run in its own process. */
function runProgram(name: string): string {
  const program = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  return execFileSync(process.execPath, ["--expose-gc", ...fromSources, program], {
    encoding: "utf8",
  });
}

const sizes = {
  model_type: "bert",
  vocab_size: 97,
  hidden_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  intermediate_size: 52,
  max_position_embeddings: 24,
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
} as const;

/** Rows of made-up tokens with a pattern to learn; the last third is padding. */
function makeBatch(rows: readonly number[]): TokenBatch {
  const seq = 12;
  const ids = rows.flatMap((row) => Array.from({ length: seq }, (_, i) => (row * 31 + i * (7 + (row % 2))) % 97));
  const mask = rows.flatMap((row) => Array.from({ length: seq }, (_, i) => (i < 8 + (row % 4) ? 1 : 0)));
  return {
    ids: tensor2d(ids, [rows.length, seq], "int32"),
    mask: tensor2d(mask, [rows.length, seq], "float32"),
    labels: tensor1d(
      rows.map((row) => row % 2),
      "int32",
    ),
  };
}

async function losses(backend: BackendChoice, tuning: "lora" | "whole", steps: number): Promise<number[]> {
  await useBackend(backend);
  const base = createModel(sizes, random(3), { head: { kind: "sequence-classification", labels: ["a", "b"] } });
  const tuned =
    tuning === "lora"
      ? attach(base, lora(base, { rank: 4, dropout: 0.1 }, random(4)), head(base))
      : attach(base, whole(base));
  const data = batches(
    Array.from({ length: 64 }, (_, i) => i),
    makeBatch,
    { size: 8, random: random(5) },
  );
  const found: number[] = [];
  for await (const event of train(tuned, data, {
    optimiser: adamW({ learningRate: tuning === "lora" ? 1e-2 : 2e-3 }),
    steps,
    random: random(6),
  })) {
    if (event.type === "step") found.push(event.loss);
    if (event.type === "end") disposeParameters(event.parameters);
  }
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
  return found;
}

test.each([
  ["lora", 20],
  ["whole", 12],
] as const)("losses of %s over %i steps with dropout are equal on onnx, wasm and cpu", async (tuning, steps) => {
  const [onnx, wasm, cpu] = [
    await losses("onnx", tuning, steps),
    await losses("wasm", tuning, steps),
    await losses("cpu", tuning, steps),
  ];
  expect(cpu).toHaveLength(steps);
  expect(cpu.at(-1)).toBeLessThan(cpu[0]!);
  // Relative 1e-4: float32 in other orders of summation, amplified by Adam over the steps.
  const difference = (other: readonly number[]): number =>
    Math.max(...cpu.map((loss, i) => Math.abs(other[i]! - loss) / loss));
  expect(difference(onnx)).toBeLessThan(1e-4);
  expect(difference(wasm)).toBeLessThan(1e-4);
});

test("10,000 steps of three batch shapes on onnx keep the number of tensors, of programs and of bytes", () => {
  const lines = runProgram("flat-memory.ts")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Flatness);
  const [early, late] = [lines.find(({ step }) => step === 3_000)!, lines.find(({ step }) => step === 10_000)!];
  expect(late.tensors).toBe(early.tensors);
  expect(late.sessions).toBe(early.sessions);
  expect(late.compiles).toBe(early.compiles);
  expect(late.pending).toBe(0);
  // A leak of one 64-byte handle or one 1 KiB buffer a step would show as 0.5 or 7 MiB in V8's heap plus malloc's; a single
  // lost graph output of each step as 70. The resident size wanders by some 10 MiB with the garbage collector.
  expect(late.rssMiB - early.rssMiB).toBeLessThan(20);
});

test("without its native runtime, auto falls back to wasm and says why, and onnx says how to get it", () => {
  const { automatic, explicit } = JSON.parse(runProgram("without-runtime.ts")) as {
    automatic: { backend: string; reason: string };
    explicit: string;
  };
  expect(automatic.backend).toBe("wasm");
  expect(automatic.reason).toMatch(/onnx: .*onnxruntime-node/);
  expect(explicit).toMatch(/ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node/);
});

test("composites that another backend ran first do not stand in onnx's way", async () => {
  const x = [-1, 0, 2];
  const values: number[][] = [];
  for (const backend of ["cpu", "onnx"] as const) {
    await useBackend(backend);
    values.push([...tidy(() => silu(tensor1d(x))).dataSync()]);
  }
  expect(values[1]).toEqual(values[0]!.map((value) => expect.closeTo(value, 6)));
});
