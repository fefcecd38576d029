import { expect, test } from "vitest";
import { allowedDependencies, allPackages } from "../../scripts/workspace.mjs";

const packages = allPackages();
const below = new Map(packages.map(({ name, settings }) => [name, settings.below]));

test.for(packages)("$name depends only on packages below it", ({ name, dependencies }) => {
  expect([...allowedDependencies(below).get(name)!]).toEqual(expect.arrayContaining(dependencies));
});

test("a package may depend on what those below it may, and on base", () => {
  const allowed = allowedDependencies(
    new Map([
      ["base", []],
      ["core", []],
      ["models", ["core"]],
      ["delta", ["models"]],
    ]),
  );
  expect(Object.fromEntries([...allowed].map(([name, names]) => [name, [...names].sort()]))).toEqual({
    base: [],
    core: ["base"],
    models: ["base", "core"],
    delta: ["base", "core", "models"],
  });
});

test("dependencies in a circle are refused, and so is a package that does not exist", () => {
  const circle = new Map([
    ["a", ["b"]],
    ["b", ["a"]],
  ]);
  expect(() => allowedDependencies(circle)).toThrow("packages depend in a circle: a > b > a");
  expect(() => allowedDependencies(new Map([["a", ["b"]]]))).toThrow('"below" of a names b, which is no package');
});
