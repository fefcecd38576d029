import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";

const require = createRequire(import.meta.url);
const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version;

/** Where a run took place, as its first JSON line. */
export function describeMachine(bench: string): object {
  return {
    bench,
    machine: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    onnxruntime: versionOf("onnxruntime-node"),
    tfjs: versionOf("@tensorflow/tfjs-core"),
    date: new Date().toISOString().slice(0, 10),
  };
}
