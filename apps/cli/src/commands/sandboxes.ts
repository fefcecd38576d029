import { python, quickjs, type Sandbox } from "@cambium/sandbox";

/** What `--python` does, for the help. */
export const PYTHON_HELP = "let the model write Python, and run it in the jail (Linux, python3)";

/** The sandbox for a language. */
export const openSandbox = (language: "javascript" | "python"): Sandbox =>
  language === "python" ? python() : quickjs();
