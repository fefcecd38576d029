/** `cambium serve` as a process, on a tiny model with adapters, as clients see it. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { attach, ia3, lora, saveAdapter } from "@cambium/delta";
import { createModel, saveModel } from "@cambium/models";
import { tinyChat } from "@cambium/models/testing";
import type { Tensor } from "@tensorflow/tfjs-core";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

/** Writes a model, adapters on it (`pirate` and `poet` are LoRAs, `slow` is of a method that needs batches of its own), and an encoder. */
export async function writeModels(folder: string): Promise<void> {
  const { model, tokenizer } = tinyChat();
  await saveModel(model, join(folder, "tiny"), { tokenizer });
  for (const [seed, name] of ["pirate", "poet", "slow"].entries()) {
    const delta =
      name === "slow" ? ia3(model) : lora(model, { rank: seed + 1, targets: ["attn.q", "ff.up"] }, random(seed));
    const tuned = attach(model, delta);
    const values = new Map(
      [...tuned.parameters].map(([key, { shape }]) => [
        key,
        random(7 + seed)
          .at(key)
          .normal(shape, 0, 0.7) as Tensor,
      ]),
    );
    await saveAdapter(tuned.with(values), join(folder, name));
    for (const tree of [delta.parameters, delta.buffers, values]) disposeParameters(tree);
  }
  const sizes = { hidden_size: 12, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 16 };
  const encoder = createModel(
    { model_type: "bert", ...sizes, vocab_size: 300, max_position_embeddings: 64 },
    random(1),
  );
  await saveModel(encoder, join(folder, "encoder"), { tokenizer });
  for (const tree of [model.parameters, encoder.parameters]) disposeParameters(tree);
}

/** A server at work. */
export interface Served {
  readonly baseURL: string;
  readonly child: ChildProcess;
  /** What it wrote, a JSON object a line. */
  readonly lines: readonly Record<string, unknown>[];
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
}

/** Starts `cambium serve` and waits until it listens. */
export async function serve(cwd: string, args: readonly string[]): Promise<Served> {
  const program = join(root, "apps/cli/src/main.ts");
  const child = spawn(process.execPath, [...fromSources, program, "serve", "--port", "0", "--json", ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: Record<string, unknown>[] = [];
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const baseURL = await new Promise<string>((resolve, reject) => {
    let [text, errors] = ["", ""];
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      errors += piece;
    });
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      const whole = text.split("\n");
      text = whole.pop()!;
      lines.push(...whole.map((line) => JSON.parse(line) as Record<string, unknown>));
      const listening = lines.find(({ type }) => type === "listening");
      if (listening !== undefined) resolve(String(listening["baseURL"]));
    });
    void ended.then((code) => reject(new Error(`serve ended with ${code}: ${errors}`)));
  });
  return { baseURL, child, lines, ended };
}
