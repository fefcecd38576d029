import { expect, test } from "vitest";
import { partsOf } from "./parts.ts";
import { FULL, SMOKE } from "./plan.ts";

const made = ["versions", "decoder-versions"]; // they make what the others measure

test("every claim is stated before anything is run, and finds the runs that it is about", async () => {
  for (const extent of [FULL, SMOKE]) {
    const parts = await partsOf(extent, "runs/none");
    expect(parts.map(({ name }) => name)).toEqual([
      "versions",
      "encoder",
      "projection",
      ...(extent.decoder === extent.encoder ? [] : ["decoder-versions"]),
      "decoder",
      "grown",
    ]);
    for (const { name, study } of parts) expect(study.claims.length > 0).toBe(!made.includes(name));
  }
});

test("what needs versions waits until they are made, and says which command grows those that are not made here", async () => {
  const parts = new Map((await partsOf(SMOKE, "runs/none")).map((part) => [part.name, part]));
  expect(parts.get("versions")).not.toHaveProperty("waitsFor");
  expect(parts.get("encoder")!.waitsFor).toBe("the versions, which the part before makes");
  process.env["CAMBIUM_GROWN"] = "runs/none";
  try {
    const grown = (await partsOf(SMOKE, "runs/none")).find(({ name }) => name === "grown")!;
    expect(grown.lacks).toContain("pnpm grow bert-4x256-v2 && pnpm grow bert-4x256-v3");
  } finally {
    delete process.env["CAMBIUM_GROWN"];
  }
});
