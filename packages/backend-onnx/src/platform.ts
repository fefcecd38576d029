/** Where ONNX Runtime's Node package runs, and what helps where it does not load. The guide to backends has the same table. */

/** A machine, as far as native code is concerned. */
export interface Platform {
  readonly system: string;
  readonly processor: string;
  /** Version of the GNU C library, on Linux; nothing with another C library, such as musl. */
  readonly glibc: string | undefined;
}

/** Platforms that onnxruntime-node 1.30 has a binary for. */
const BINARIES = ["linux-x64", "linux-arm64", "darwin-arm64", "win32-x64", "win32-arm64"];

/** The oldest GNU C library that the Linux binaries ask for. */
const OLDEST_GLIBC = [2, 28] as const;

const OTHERWISE = 'or use another backend, such as useBackend("wasm")';

/** What helps where the package is missing or another version. */
export const INSTALL: string = `install it without its CUDA download: \`ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30\` (pnpm: \`pnpm add onnxruntime-node@1.30\`), ${OTHERWISE}`;

/** The machine that this process runs on. */
export function platformHere(): Platform {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return { system: process.platform, processor: process.arch, glibc: header.glibcVersionRuntime };
}

/** Whether the binaries run on a Linux machine's C library; in words where they do not. */
function libraryProblem({ system, glibc }: Platform): string | undefined {
  if (system !== "linux") return undefined;
  if (glibc === undefined)
    return "onnxruntime-node has no binary for musl, the C library of Alpine Linux; use a system with the GNU C library, such as the image node:22-slim";
  const [major = 0, minor = 0] = glibc.split(".").map(Number);
  const isOld = major < OLDEST_GLIBC[0] || (major === OLDEST_GLIBC[0] && minor < OLDEST_GLIBC[1]);
  return isOld
    ? `onnxruntime-node needs the GNU C library ${OLDEST_GLIBC.join(".")} or newer, and this is ${glibc}; use a newer system`
    : undefined;
}

/** Why the package did not load, and what helps. */
export function explainLoading(cause: unknown, platform: Platform): string {
  const name = `${platform.system}-${platform.processor}`;
  if (!BINARIES.includes(name))
    return `onnxruntime-node has no binary for ${name}, only for ${BINARIES.join(", ")}; ${OTHERWISE.replace("or ", "")}`;
  const problem = libraryProblem(platform);
  if (problem !== undefined) return `${problem}, ${OTHERWISE}`;
  const isMissing =
    (cause as { code?: string }).code === "MODULE_NOT_FOUND" && String(cause).includes("onnxruntime-node");
  return isMissing
    ? `onnxruntime-node is not installed (npm drops it silently when its install script cannot download); ${INSTALL}`
    : `onnxruntime-node does not load on ${name}: ${String(cause)}; ${INSTALL}`;
}
