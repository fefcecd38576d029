import { join } from "node:path";
import type { Findings } from "./findings.ts";

/** How a program names the model, and what it imports for that. */
function inCode(model: string): { readonly source: string; readonly imports: readonly string[] } {
  const [prefix, rest = ""] = [model.slice(0, model.indexOf(":") + 1), model.slice(model.indexOf(":") + 1)];
  const [name, at] = rest.split("@");
  if (prefix === "hub:") {
    const revision = at === undefined ? "" : `, { revision: ${JSON.stringify(at)} }`;
    return { source: `hub(${JSON.stringify(name)}${revision})`, imports: ['import { hub } from "@cambium/base";'] };
  }
  if (prefix === "sapling:") {
    const version = at === undefined ? "" : `, { version: ${at} }`;
    return {
      source: `sapling(${JSON.stringify(name)}${version})`,
      imports: ['import { sapling } from "@cambium/saplings";'],
    };
  }
  return { source: JSON.stringify(model), imports: [] };
}

/**
 * How an adapter is used, in lines for a terminal.
 *
 * @param model - As it was named on the command line.
 */
export function instructions({ table, modelName }: Findings, model: string, out: string): string[] {
  const adapter = join(out, "adapter");
  const { source, imports } = inCode(model);
  const labels = table.kind === "classes" ? "num_labels=len(labels), id2label=dict(enumerate(labels))" : "num_labels=1";
  const python = modelName.toLowerCase().endsWith(".gguf")
    ? ["PEFT reads no GGUF files: name the folder that the file was made from, and tune on that."]
    : [
        ...(table.kind === "classes" ? [`labels = ${JSON.stringify(table.labels)}`] : []),
        "from peft import AutoPeftModelForSequenceClassification",
        "from transformers import AutoTokenizer",
        `tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(modelName)})`,
        `model = AutoPeftModelForSequenceClassification.from_pretrained(${JSON.stringify(adapter)}, ${labels})`,
      ];
  const code = [
    ...imports,
    'import { adapterHead, attach, loadAdapter } from "@cambium/delta";',
    'import { loadModel, loadTokenizer, predictor } from "@cambium/models";',
    `const base = await loadModel(${source}, { head: (await adapterHead(${JSON.stringify(adapter)}))! });`,
    `const tuned = attach(base, await loadAdapter(base, ${JSON.stringify(adapter)}));`,
    `const classify = predictor(tuned, await loadTokenizer(${source}));`,
  ];
  const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
  return [
    "From the command:",
    ...indented([
      `cambium predict ${model} --adapter ${adapter} "a text"`,
      `cambium predict ${model} --adapter ${adapter} --input more.csv --out predictions.jsonl`,
    ]),
    "From code:",
    ...indented(code),
    "In Python:",
    ...indented(python),
  ];
}
