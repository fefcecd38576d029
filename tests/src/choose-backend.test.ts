/** What `useBackend` chooses and says, each case in its own process. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

interface Chosen {
  readonly backend?: string;
  readonly reason?: string;
  readonly error?: string;
  readonly sum?: number[];
}

/** What a fresh process chooses; anything that it prints besides is a failure. */
function choose(...parameters: string[]): Chosen {
  const program = fileURLToPath(new URL("programs/choose-backend.ts", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [...fromSources, program, ...parameters], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Chosen;
}

test.each(["auto", "onnx", "wasm", "cpu"])(
  "%s prints nothing, tfjs's advice to install another backend least",
  (name) => {
    expect(choose(name).sum).toEqual([1, 2]);
  },
);

const [GPU, NODE] = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];
const works = (name: string): string => `${name}=fake-tensorflow.mjs`;
const breaks = (name: string): string => `${name}=fake-broken.mjs`;

test.each([
  [[works(GPU), works(NODE)], `asked for by name (${GPU})`],
  [[works(GPU)], `asked for by name (${GPU})`],
  [[works(NODE)], `asked for by name (${NODE}; ${GPU}: not installed)`],
  [
    [breaks(GPU), works(NODE)],
    `asked for by name (${NODE}; ${GPU}: libcudart.so.11.0: cannot open shared object file)`,
  ],
])("tensorflow of %j says which package it is", (fakes, reason) => {
  expect(choose("tensorflow", ...fakes)).toMatchObject({ backend: "tensorflow", reason });
});

test("tensorflow tells a package that does not load from one that is not installed", () => {
  expect(choose("tensorflow", breaks(NODE)).error).toBe(
    'useBackend: "tensorflow" does not run here: libcudart.so.11.0: cannot open shared object file',
  );
});

test("webgpu in Node says that there is nothing to run on", () => {
  expect(choose("webgpu").error).toMatch(
    /"webgpu" does not run here: @tensorflow.tfjs-backend-webgpu finds nothing here that it could run on/,
  );
});
