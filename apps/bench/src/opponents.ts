/** What the benchmarks compare with, and where it is found. */

/** A backend of tfjs, or PyTorch with PEFT. */
export const OPPONENTS = ["pytorch", "tensorflow", "wasm", "cpu"] as const;
export type Opponent = (typeof OPPONENTS)[number];

/** Python with torch, transformers and peft. */
export const python: string | undefined = process.env["PEFT_PYTHON"];

/** Folder into which `@tensorflow/tfjs-node` was installed, outside this repository. */
export const tfjsNode: string | undefined = process.env["TFJS_NODE"];

/** Folder into which `@huggingface/transformers` was installed, outside this repository. */
export const transformersJs: string | undefined = process.env["TRANSFORMERS_JS"];

/** Folder into which `node-llama-cpp` was installed, outside this repository. */
export const nodeLlamaCpp: string | undefined = process.env["NODE_LLAMA_CPP"];

/** Text for the programs' help. */
export const OPPONENTS_HELP = `  --against NAMES  what is compared with, of ${OPPONENTS.join(", ")}, separated by commas (default: wasm, and
                   pytorch where PEFT_PYTHON=/path/to/python names a Python with torch, transformers and peft, and
                   tensorflow where TFJS_NODE=/path/to/folder names one in which @tensorflow/tfjs-node is installed)`;

/** The opponents of `--against`; those that are present, without it. */
export function chooseOpponents(against: string | undefined): Opponent[] {
  const chosen =
    against?.split(",") ??
    OPPONENTS.filter(
      (name) => name === "wasm" || (name === "pytorch" && python) || (name === "tensorflow" && tfjsNode),
    );
  for (const name of chosen) {
    if (name === "") continue;
    if (!(OPPONENTS as readonly string[]).includes(name))
      throw new Error(`--against: "${name}" is none of ${OPPONENTS.join(", ")}`);
    if (name === "pytorch" && python === undefined) throw new Error("--against pytorch: PEFT_PYTHON is not set");
    if (name === "tensorflow" && tfjsNode === undefined) throw new Error("--against tensorflow: TFJS_NODE is not set");
  }
  return chosen.filter((name) => name !== "") as Opponent[];
}

/** The names that `--only` asks for: whole names, or parts of them, separated by commas. */
export function selectNames(names: readonly string[], only: string): string[] {
  const parts = only.split(",");
  return names.filter((name) => parts.some((part) => name === part || (!names.includes(part) && name.includes(part))));
}
