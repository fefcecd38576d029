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

/** Chats by the command with the base and with the adapter, and shows what is said. */
export function showChats({ file, frozen, adapter, comment, print }: Way): void {
  const ask = ["--prompt", question(comment), "--max-tokens", "24", "--json", "--frozen", frozen.replaceAll(" ", "-")];
  for (const [who, more] of [
    ["the base", []],
    ["the adapter", ["--adapter", adapter]],
  ] as const) {
    const { text } = JSON.parse(cambium("chat", file, ...ask, ...more)) as { readonly text: string };
    print({ frozen, step: "cambium chat", comment, with: who, reply: text.trim() });
  }
}

/** The sides that are present. Each merges or exports what it reads when it is its turn. */
export function sidesOf({ file, folder, adapter, idsFile }: Way): ElsewhereSide[] {
  const at = (name: string): string => join(folder, name);
  const exported = (out: string, format: string, ...more: readonly string[]): string => {
    const where = ["--adapter", adapter, "--out", at(out), "--force"];
    if (format === "folder") cambium("merge", file, ...where);
    else cambium("export", file, ...where, "--format", format, ...more);
    return at(out);
  };
  const out = at("logits.bin");
  const io = ["--ids", idsFile, "--out", out];
  const inPython = (side: string, given: () => readonly string[]): ElsewhereSide => ({
    side,
    run() {
      start(python!, [pathOf("python/logits.py"), ...given(), ...io]);
      return out;
    },
  });
  const inLlamaCpp = (side: string, given: () => readonly string[]): ElsewhereSide => ({
    side,
    run() {
      start(process.execPath, [...process.execArgv, pathOf("src/elsewhere-llama-cpp.ts"), ...given(), ...io]);
      return out;
    },
  });
  const byPython = [
    inPython("transformers, merged folder", () => ["--model", exported("merged", "folder")]),
    inPython("transformers and PEFT, GGUF of the base and adapter", () => ["--model", file, "--adapter", adapter]),
    inPython("transformers, merged GGUF in float32", () => [
      "--model",
      exported("merged.gguf", "gguf", "--dtype", "float32"),
    ]),
    inPython("ONNX Runtime, merged ONNX folder", () => ["--model", join(exported("onnx", "onnx"), "onnx/model.onnx")]),
  ];
  const byLlamaCpp = [
    inLlamaCpp("llama.cpp, merged GGUF in float32", () => [
      "--model",
      exported("merged.gguf", "gguf", "--dtype", "float32"),
    ]),
    inLlamaCpp("llama.cpp, merged GGUF in Q8_0", () => [
      "--model",
      exported("merged-q8_0.gguf", "gguf", "--dtype", "q8_0"),
    ]),
    inLlamaCpp("llama.cpp, GGUF of the base and LoRA", () => [
      "--model",
      file,
      "--lora",
      exported("lora.gguf", "gguf-lora"),
    ]),
  ];
  return [...(python === undefined ? [] : byPython), ...(nodeLlamaCpp === undefined ? [] : byLlamaCpp)];
}
