import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach, type Tuned } from "./attach.ts";
import { named, stack } from "./delta.ts";
import { describeTargets } from "./describe.ts";
import { loadAdapter } from "./files/load-adapter.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { merge } from "./merge.ts";
import * as methods from "./methods/index.ts";
import { lora } from "./methods/lora.ts";

let base: LanguageModel;
let tuned: Tuned<LanguageModel>;
beforeEach(() => {
  base = tinyModel();
  tuned = attach(base, lora(base, {}, random(1)));
});
afterEach(() => {
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
});

test.each(["dtpye", "untraind", "bse", "withouthead"])(
  "saveAdapter refuses the key %s, and names the nearest",
  async (key) => {
    const near = { dtpye: "dtype", untraind: "untrained", bse: "base", withouthead: "withoutHead" }[key];
    const files = memory();
    await expect(saveAdapter(tuned, files, { untrained: true, [key]: true })).rejects.toThrow(
      `saveAdapter: unknown key "${key}"; is "${near}" meant?`,
    );
    expect(await files.list()).toEqual([]);
  },
);

test("loadAdapter and tuned.with refuse a key that they do not have, and name the nearest", async () => {
  await expect(loadAdapter(base, memory(), { method: { lora } } as never)).rejects.toThrow(
    'loadAdapter: unknown key "method"; is "methods" meant?',
  );
  expect(() => tuned.with(tuned.parameters, { stat: new Map() } as never)).toThrow(
    'tuned.with: unknown key "stat"; is "state" meant?',
  );
});

const table: Readonly<Record<string, unknown>> = { ...methods };

test.each(Object.keys(table))("the method %s refuses an unknown key", (kind) => {
  const method = table[kind] as typeof lora;
  expect(() => method(base, { unknwon: 1 } as never, random(1))).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(`${kind}: unknown key "unknwon"`) }),
  );
  expect(() => describeTargets(base, method, { unknwon: 1 } as never)).toThrow(/unknown key "unknwon"/);
});

test.each<[string, (base: LanguageModel) => unknown, RegExp]>([
  ["a method that was not called", () => lora, /got the method "lora"; call it with the model/],
  ["a promise", () => Promise.resolve(), /got a promise; await it/],
  ["options", () => ({ dropout: 0 }), /got an object with the keys dropout; there are no options/],
  ["nothing", () => undefined, /got undefined/],
])("attach, stack and named refuse %s", (_, make, reason) => {
  const wrong = make(base) as never;
  for (const call of [() => attach(base, wrong), () => stack(wrong), () => named("a", wrong)])
    expect(call).toThrow(expect.objectContaining({ code: "CONFIG", message: expect.stringMatching(reason) }));
});

test("named with its arguments in the wrong order, and merge of a plain model, are refused", () => {
  expect(() => named(tuned.deltas[0] as never, "style" as never)).toThrow(
    /named: the name must be a text and stand first/,
  );
  expect(() => merge(base as never)).toThrow(/merge: expected a tuned model/);
});
