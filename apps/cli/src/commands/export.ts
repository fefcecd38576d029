import { existsSync, readdirSync, statSync } from "node:fs";
import { traceOnnx } from "@cambium/backend-onnx";
import { disposeParameters } from "@cambium/core";
import { merge, saveGgufAdapter } from "@cambium/delta";
import { type GgufDtype, saveGguf, saveOnnx } from "@cambium/models";
import { Command, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { type Opened, withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";

const FORMATS = ["onnx", "gguf", "gguf-lora"] as const;
const DTYPES: readonly GgufDtype[] = ["float32", "float16", "bfloat16", "q8_0", "q4_0"];

interface ExportFlags {
  readonly format: (typeof FORMATS)[number];
  readonly adapter?: string;
  readonly labels?: string;
  readonly out: string;
  readonly dtype?: GgufDtype;
  readonly force?: true;
  readonly json?: true;
}

const EXAMPLE = `
Example, for transformers.js in a browser:
  $ cambium export models/minilm --adapter adapters/spam --format onnx --out models/spam-onnx
Example, for llama.cpp, whole or the LoRA alone:
  $ cambium export models/smollm2 --adapter adapters/style --format gguf --dtype q8_0 --out style.gguf
  $ cambium export models/smollm2 --adapter adapters/style --format gguf-lora --out style-lora.gguf`;

function checkTarget({ format, out, adapter, dtype, force }: ExportFlags): void {
  if (format === "onnx" && dtype !== undefined) {
    throw new UseError("export: --dtype is for GGUF files; an ONNX folder holds float32");
  }
  if (format === "gguf-lora" && adapter === undefined) {
    throw new UseError("export: --format gguf-lora writes an adapter alone; name one by --adapter");
  }
  if (format === "gguf-lora" && dtype !== undefined && dtype !== "float32" && dtype !== "float16") {
    throw new UseError(`export: --format gguf-lora takes --dtype float32 or float16, got ${dtype}`);
  }
  if (format !== "onnx" && !out.endsWith(".gguf")) {
    throw new UseError(`export: --out must be a file that ends in .gguf, got ${out}`);
  }
  if (force === true || !existsSync(out)) return;
  if (!statSync(out).isDirectory())
    throw new UseError(`export: ${out} is there already; name another file, or pass --force`);
  if (format !== "onnx") throw new UseError(`export: ${out} is a folder; name a file`);
  if (readdirSync(out).length > 0) {
    throw new UseError(`export: ${out} is not empty; name another folder, or pass --force`);
  }
}

async function write({ base, tuned, tokenizer }: Opened, { format, out, dtype }: ExportFlags): Promise<void> {
  if (format === "gguf-lora") {
    return saveGgufAdapter(tuned!, out, dtype === undefined ? {} : { dtype: dtype as "float32" | "float16" });
  }
  const merged = tuned === undefined ? undefined : merge(tuned);
  try {
    const model = merged ?? base;
    if (format === "onnx") await saveOnnx(model, out, { tokenizer, trace: traceOnnx });
    else await saveGguf(model, out, { tokenizer, ...(dtype !== undefined && { dtype }) });
  } finally {
    if (merged !== undefined) disposeParameters(merged.parameters);
  }
}

/** `cambium export`: a model, with its adapter merged, for other programs. */
export function exportCommand(io: Io): Command {
  return new Command("export")
    .description("Write a model for transformers.js (onnx) or llama.cpp (gguf), an adapter merged into it or alone.")
    .argument("<model>", MODEL_ARGUMENT)
    .addOption(new Option("--format <format>", "what is written").choices(FORMATS).makeOptionMandatory())
    .requiredOption("--out <path>", "a folder for onnx, a file for gguf")
    .option("--adapter <folder>", "an adapter of PEFT or saveAdapter to merge, or to write alone as gguf-lora")
    .option("--labels <names>", "labels of the head in their order (default: those of the files)")
    .addOption(new Option("--dtype <type>", "how matrices are stored in GGUF files (default: float16)").choices(DTYPES))
    .option("--force", "write over what is there")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, flags: ExportFlags) => {
      checkTarget(flags);
      const { format, out } = flags;
      await withModel(io, "export", name, flags, async (opened) => {
        await write(opened, flags);
        const { model_type: type } = opened.base.config;
        if (flags.json) io.out(JSON.stringify({ out, format, model_type: type, head: opened.base.head }));
        else io.out(`${type} as ${format} in ${out}`);
      });
    });
}
