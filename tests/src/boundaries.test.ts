import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";

/** What each package may depend on; dependencies point one way. A new package gets its line here. */
const below: Readonly<Record<string, readonly string[]>> = {
  base: [],
  kernels: [],
  core: ["base", "kernels", "backend-onnx"], // the backend is an optional peer, imported when chosen
  "backend-onnx": ["kernels"],
  train: ["base", "core"],
  models: ["base", "core"],
  saplings: ["base"],
  delta: ["base", "core", "models"],
  llm: ["base", "models"],
  sandbox: ["base"],
  evaluation: ["base", "llm", "report"],
  "tool-learning": ["base", "llm", "sandbox", "evaluation", "models", "report"],
  report: [],
  testing: ["base", "core", "models"],
};

const read = (path: string) => JSON.parse(readFileSync(join(root, path), "utf8"));

function dependencies(name: string): string[] {
  const { dependencies = {}, peerDependencies = {} } = read(`packages/${name}/package.json`);
  return Object.keys({ ...dependencies, ...peerDependencies })
    .filter((dependency) => dependency.startsWith("@cambium/"))
    .map((dependency) => dependency.replace("@cambium/", ""));
}

const folders = readdirSync(join(root, "packages"));

test.for(folders)("%s depends only on packages below it", (name) => {
  expect(below).toHaveProperty([name]);
  expect(below[name]).toEqual(expect.arrayContaining(dependencies(name)));
});

test.for(folders)("the project references of %s are its dependencies", (name) => {
  const { references = [] }: { references?: { path: string }[] } = read(`packages/${name}/tsconfig.json`);
  expect(references.map(({ path }) => path.replace("../", "")).sort()).toEqual(dependencies(name).sort());
});

test("the root project builds every package", () => {
  const { references }: { references: { path: string }[] } = read("tsconfig.json");
  expect(references.map(({ path }) => path.replace("packages/", "")).sort()).toEqual(folders.sort());
});
