import { disposeParameters, random } from "@cambium/core";
import { tinyModel } from "@cambium/models/testing";
import { expect, test } from "vitest";
import { attach } from "./attach.ts";
import { named } from "./delta.ts";
import { deactivate } from "./lifecycle.ts";
import { adapter, bitFit, head, lora } from "./methods/index.ts";
import { describeStatus, formatStatus } from "./status.ts";

test("the status names every delta, where each acts or waits, and edits that are hidden", () => {
  const base = tinyModel();
  const parts = [
    bitFit(base, { targets: ["attn.v"] }),
    named("style", lora(base, { rank: 2, targets: ["attn.v"], layers: [1] }, random(1))),
    adapter(base, { bottleneck: 2 }, random(2)),
    head(base),
  ];
  const status = describeStatus(deactivate(attach(base, ...parts), "adapter"));
  expect(status.deltas.map(({ name, place }) => [name, place])).toEqual([
    ["bitFit", 0],
    ["style", 1],
    ["head", 2],
    ["adapter", undefined],
  ]);
  const width = base.sites().find(({ role }) => role === "attn.v")!.width;
  expect(status.deltas[1]).toMatchObject({ trained: 4 * width, sizeBytes: 16 * width, isMergeable: true });
  const value = (layer: number) => status.layers.find(({ path }) => path.endsWith(`${layer}.attention.self.value`));
  expect(value(0)).toMatchObject({ role: "attn.v", active: ["bitFit"], inactive: [] });
  expect(value(1)!.active).toEqual(["bitFit", "style"]);
  expect(status.layers.some(({ inactive }) => inactive.includes("adapter"))).toBe(true);
  expect(status.problems).toEqual([]);
  expect(formatStatus(status)).toMatch(/style +lora +2\. .*\n(.*\n)*.*value +attn\.v +bitFit, style/);
  for (const { parameters } of parts) disposeParameters(parameters);
  expect(describeStatus(attach(base, parts[1]!)).problems).toEqual(['2 tensors of "style" are disposed of']);
  disposeParameters(base.parameters);
});

test("an edit of weights that a later delta replaces is a problem", () => {
  const base = tinyModel();
  const [edit, all] = [bitFit(base, { targets: ["pooler"] }), head(base)];
  const whole = { ...all, method: { ...all.method } };
  const { problems } = describeStatus(attach(base, edit, { ...whole, parameters: new Map([...edit.parameters]) }));
  expect(problems).toEqual([
    expect.stringMatching(/"head" replaces pooler\.dense\.bias, so that what "bitFit" does there is lost/),
  ]);
  for (const { parameters } of [edit, all]) disposeParameters(parameters);
  disposeParameters(base.parameters);
});
