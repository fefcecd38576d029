import { createRequire } from "node:module";
import { join } from "node:path";
import { type BackendChoice, useBackend } from "@cambium/core";
import { ready, setBackend } from "@tensorflow/tfjs-core";
import { tfjsNode } from "./opponents.ts";

/** Chooses a backend by name. tfjs-node comes from its own folder; tfjs-core's registries are global to the process. */
export async function chooseBackend(name: string): Promise<void> {
  if (name !== "tensorflow" || tfjsNode === undefined) {
    await useBackend(name as BackendChoice);
    return;
  }
  createRequire(join(tfjsNode, "package.json"))("@tensorflow/tfjs-node");
  if (!(await setBackend(name))) throw new Error(`tfjs-node in ${tfjsNode} does not run`);
  await ready();
}
