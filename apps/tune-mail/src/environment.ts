import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, totalmem } from "node:os";
import type { Runtime } from "@cambium/core";

const resolve = createRequire(import.meta.url);

/** Version of an installed package, where it can be found from here. */
function versionOf(name: string): string | undefined {
  try {
    return JSON.parse(readFileSync(resolve.resolve(`${name}/package.json`), "utf8")).version;
  } catch {
    return undefined;
  }
}

/** What a measurement depends on besides the settings. */
export function environment({ backend, device, reason }: Runtime) {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    system: `${process.platform} ${release()} ${process.arch}`,
    cpu: cpu?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    backend: { name: backend, device, reason },
    versions: {
      "@tensorflow/tfjs-core": versionOf("@tensorflow/tfjs-core"),
      "onnxruntime-node": versionOf("onnxruntime-node"),
    },
  };
}
