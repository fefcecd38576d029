/** An adapter in other programs: what is written for each by the `cambium` command, and how each is asked for logits. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { question } from "./elsewhere-here.ts";
import { nodeLlamaCpp, python } from "./opponents.ts";
import { pathOf } from "./processes.ts";

/** Who gives logits, and how: the file that holds them is returned. */
export interface ElsewhereSide {
  readonly side: string;
  run(): string;
}

/** Where things are. */
export interface Way {
  /** The GGUF file. */
  readonly file: string;
  readonly frozen: string;
  /** Where models are written. */
  readonly folder: string;
  readonly adapter: string;
  readonly idsFile: string;
  /** What is asked about in the chats that are shown. */
  readonly comment: string;
  print(line: object): void;
}

function start(command: string, args: readonly string[]): string {
  const { status, signal, stdout } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${signal ?? `status ${status}`}`);
  return stdout;
}

const cambium = (...args: readonly string[]): string =>
  start(process.execPath, [...process.execArgv, pathOf("../cli/src/main.ts"), ...args]);

/** Chats, merges and exports, and gives the sides that are present. */
export function sidesOf({ file, frozen, folder, adapter, idsFile, comment, print }: Way): ElsewhereSide[] {
  const ask = ["--prompt", question(comment), "--max-tokens", "24", "--json"];
  const held = ["--frozen", frozen.replaceAll(" ", "-")];
  for (const more of [[], ["--adapter", adapter]]) {
    const { text } = JSON.parse(cambium("chat", file, ...held, ...more, ...ask)) as { text: string };
    print({
      frozen,
      step: "cambium chat",
      comment,
      with: more.length === 0 ? "the base" : "the adapter",
      reply: text.trim(),
    });
  }
  const at = (name: string): string => join(folder, name);
  const put = ["--adapter", adapter, "--force"];
  cambium("merge", file, ...put, "--out", at("merged"));
  cambium("export", file, ...put, "--format", "gguf", "--dtype", "float32", "--out", at("merged.gguf"));
  cambium("export", file, ...put, "--format", "gguf", "--dtype", "q8_0", "--out", at("merged-q8_0.gguf"));
  cambium("export", file, ...put, "--format", "gguf-lora", "--out", at("lora.gguf"));
  cambium("export", file, ...put, "--format", "onnx", "--out", at("onnx"));

  const out = at("logits.bin");
  const io = ["--ids", idsFile, "--out", out];
  const inPython = (side: string, ...args: readonly string[]): ElsewhereSide => ({
    side,
    run() {
      start(python!, [pathOf("python/logits.py"), ...args, ...io]);
      return out;
    },
  });
  const inLlamaCpp = (side: string, ...args: readonly string[]): ElsewhereSide => ({
    side,
    run() {
      start(process.execPath, [...process.execArgv, pathOf("src/elsewhere-llama-cpp.ts"), ...args, ...io]);
      return out;
    },
  });
  return [
    ...(python === undefined
      ? []
      : [
          inPython("transformers, merged folder", "--model", at("merged")),
          inPython("transformers, merged GGUF in float32", "--model", at("merged.gguf")),
          inPython("transformers and PEFT, GGUF of the base and adapter", "--model", file, "--adapter", adapter),
          inPython("ONNX Runtime, merged ONNX folder", "--model", at("onnx/onnx/model.onnx")),
        ]),
    ...(nodeLlamaCpp === undefined
      ? []
      : [
          inLlamaCpp("llama.cpp, merged GGUF in float32", "--model", at("merged.gguf")),
          inLlamaCpp("llama.cpp, merged GGUF in Q8_0", "--model", at("merged-q8_0.gguf")),
          inLlamaCpp("llama.cpp, GGUF of the base and LoRA", "--model", file, "--lora", at("lora.gguf")),
        ]),
  ];
}
