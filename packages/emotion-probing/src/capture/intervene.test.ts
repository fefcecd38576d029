import { around, disposeParameters, type Hook, type Site } from "@cambium/core";
import { capture, type LanguageModel, scaleUnits, type TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { abs, concat, fill, max, memory, slice, sub, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { intervene } from "./intervene.ts";
import { hashInterventions, type Intervention, parseInterventions } from "./interventions.ts";
import { findSites, siteNames } from "./site-names.ts";

/** Runs work on a tiny model and its batch, and disposes of both. */
function withTiny(type: string, work: (model: LanguageModel, batch: TokenBatch) => void): void {
  const model = tinyModel({ type, dropout: 0 });
  const batch = tinyBatch(model);
  try {
    tidy(() => work(model, batch));
  } finally {
    disposeFields(batch);
    disposeParameters(model.parameters);
  }
}

const scores = (model: LanguageModel, batch: TokenBatch, interventions: readonly Intervention[]): Tensor =>
  model.forward(batch, { hooks: intervene(model, interventions, { batch }) }).logits!;

const families = ["bert", "distilbert", "gpt2", "llama", "t5"];
const exactly = { absolute: 0, relative: 0 };

describe.each(families)("%s", (type) => {
  const front = type === "t5" ? "decoder." : "";

  test("an intervention that changes nothing leaves every bit", () => {
    withTiny(type, (model, batch) => {
      const plain = model.forward(batch).logits!;
      const units = [0, 3];
      const same: readonly Intervention[] = [
        { site: "ff.act", op: { kind: "scale", by: 1 } },
        { site: "ff.act", units, op: { kind: "add", value: 0 } },
        { site: "block", units, op: { kind: "clamp" } },
        { site: "embed", op: { kind: "scale", by: 1 } },
        { site: `${front}L0.attn.q`, units, rows: [1], op: { kind: "scale", by: 1 } },
        { site: "logits", op: { kind: "scale", by: 1 } },
      ];
      for (const one of same) expect(scores(model, batch, [one])).toBeAllClose(plain, exactly);
      expect(scores(model, batch, same)).toBeAllClose(plain, exactly);
    });
  });

  test("zeros are what scaling units by 0 gives", () => {
    withTiny(type, (model, batch) => {
      const stack = type === "t5" ? ({ stack: "decoder" } as const) : {};
      const hooks = [
        scaleUnits(
          "ff.act",
          [2, 5].map((unit) => ({ ...stack, layer: 1, unit })),
          0,
        ),
      ];
      const zero: Intervention = { site: `${front}L1.ffn.act`, units: [2, 5], op: { kind: "zero" } };
      expect(scores(model, batch, [zero])).toBeAllClose(model.forward(batch, { hooks }).logits!, exactly);
    });
  });

  test("swapping in everything from another run gives that run, from any layer", () => {
    withTiny(type, (model, batch) => {
      const stack = type === "t5" ? "decoder" : undefined;
      const blocks = model.sites().filter((site) => site.role === "block" && site.stack === stack);
      const { output, captured } = capture(model, batch, ["block"], {
        hooks: intervene(model, [{ site: "embed", op: { kind: "scale", by: 2 } }]),
      });
      const last = blocks.at(-1)!.path;
      const hooks = intervene(model, [{ site: last, op: { kind: "swap" } }], { sources: captured });
      expect(model.forward(batch, { hooks }).logits).toBeAllClose(output.logits!, exactly);
    });
  });

  test("short names and those of TransformerLens mean the same sites", () => {
    withTiny(type, (model) => {
      const paths = (name: string): string[] => findSites(model, name).map(({ path }) => path);
      for (const { short, transformerLens, role } of siteNames) {
        if (role === "final.norm" && !model.sites().some((site) => site.role === role)) continue;
        if (type === "t5" && ["embed", "final.norm"].includes(role)) continue; // one of each stack
        const isTop = role === "logits";
        const name = `${isTop || role === "embed" || role === "final.norm" ? "" : front}${short.replace("{i}", "1")}`;
        expect(paths(name).length, name).toBe(1);
        if (transformerLens === undefined || type === "t5") continue;
        expect(paths(transformerLens.replace("{i}", "1"))).toEqual(paths(name));
      }
    });
  });
});

test("set, mean, add, clamp and noise do what they say, where they say it", () => {
  withTiny("bert", (model, batch) => {
    const path = "encoder.layer.0.intermediate";
    const at = (op: Intervention["op"], more: Partial<Intervention> = {}): Tensor => {
      const means = new Map([[path, Float32Array.from({ length: 12 }, (_, i) => i)]]);
      const hooks = intervene(model, [{ site: path, ...more, op }], { batch, means });
      return capture(model, batch, ["ff.act"], { hooks }).captured.get(path)!; // [3, 6, 12]
    };
    const plain = capture(model, batch, ["ff.act"]).captured.get(path)!;
    const cell = (x: Tensor, row: number, seq: number, unit: number): number =>
      slice(x, [row, seq, unit], [1, 1, 1]).dataSync()[0]!;
    expect(cell(at({ kind: "set", to: 4 }), 1, 2, 3)).toBe(4);
    expect(cell(at({ kind: "set", to: [5, 6] }, { units: [7, 3] }), 1, 2, 3)).toBe(6);
    expect(cell(at({ kind: "set", to: [5, 6] }, { units: [7, 3] }), 1, 2, 4)).toBe(cell(plain, 1, 2, 4));
    expect(cell(at({ kind: "mean" }), 2, 0, 9)).toBe(9);
    expect(cell(at({ kind: "add", value: 1 }), 0, 1, 2)).toBeCloseTo(cell(plain, 0, 1, 2) + 1, 6);
    expect(max(at({ kind: "clamp", high: 0.1 })).dataSync()[0]).toBeCloseTo(0.1, 6);
    // Rows have 6, 4 and 3 real tokens.
    const last = at({ kind: "set", to: 4 }, { positions: "last" });
    expect([cell(last, 0, 5, 0), cell(last, 1, 3, 0), cell(last, 2, 2, 0)]).toEqual([4, 4, 4]);
    expect(cell(last, 1, 5, 0)).toBe(cell(plain, 1, 5, 0));
    expect(cell(at({ kind: "set", to: 4 }, { positions: "first", rows: [2] }), 2, 0, 0)).toBe(4);
    expect(cell(at({ kind: "set", to: 4 }, { positions: "first", rows: [2] }), 1, 0, 0)).toBe(cell(plain, 1, 0, 0));
    const noise = (seed: number): Tensor => at({ kind: "noise", deviation: 0.5, seed });
    expect(noise(1)).toBeAllClose(noise(1), exactly);
    expect(noise(1)).not.toBeAllClose(noise(2));
    for (const seed of [1, 2, 3, 4]) {
      const drawn = at({ kind: "resample", seed });
      const values = (x: Tensor): number[] => [0, 1, 2].map((row) => cell(x, row, 1, 2));
      expect([...values(drawn)].sort()).toEqual([...values(plain)].sort()); // the same values,
      values(drawn).forEach((value, row) => {
        expect(value).not.toBe(cell(plain, row, 1, 2)); // and none where it was
      });
    }
  });
});

test("tokens are counted behind the rows of a prompt where the batch is known", () => {
  withTiny("bert", (model, batch) => {
    const rows = around(
      "embed",
      ({ path }) => path === model.sites().find(({ kind }) => kind === "embed")!.path,
      ({ input, next }) => {
        const words = next(input);
        const front = (x: Tensor, value: number): Tensor =>
          concat([fill([3, 2, ...x.shape.slice(2)], value, x.dtype as "float32"), x], 1);
        return {
          ...words,
          x: front(words.x, 0.5) as typeof words.x,
          mask: front(words.mask, 1) as typeof words.mask,
          positions: front(words.positions, 0) as typeof words.positions,
          extra: words.extra + 2,
        };
      },
    ) as unknown as Hook;
    const path = "encoder.layer.0.intermediate";
    const one: Intervention = { site: path, positions: [0, 3], op: { kind: "set", to: 9 } };
    const changedRows = (hooks: readonly Hook[]): number[] => {
      const { captured } = capture(model, batch, ["ff.act"], { hooks: [rows, ...hooks] });
      const first = slice(captured.get(path)!, [0, 0, 0], [1, -1, 1]).dataSync();
      return [...first.keys()].filter((row) => first[row] === 9);
    };
    expect(changedRows(intervene(model, [one], { batch }))).toEqual([2, 5]);
    expect(changedRows(intervene(model, [one]))).toEqual([0, 3]);
    const beyond = intervene(model, [{ ...one, positions: [6] }], { batch });
    expect(() => changedRows(beyond)).toThrow("has 6 positions, got 6");
  });
});

test("a batch of one has no other example to resample from", () => {
  withTiny("bert", (model, batch) => {
    const one = Object.fromEntries(
      Object.entries(batch).map(([key, x]: [string, Tensor]) => [key, slice(x, 0, 1)]),
    ) as unknown as TokenBatch;
    const hooks = intervene(model, [{ site: "ff.act", op: { kind: "resample", seed: 1 } }]);
    expect(() => model.forward(one, { hooks })).toThrow("a batch has 1 only");
  });
});

test("a head is silenced in its pattern and in what it gives", () => {
  withTiny("llama", (model, batch) => {
    const core = "model.layers.0.self_attn.core";
    const hooks = intervene(model, [{ site: "L0.attn.z", heads: [2], op: { kind: "zero" } }]);
    const { captured } = capture(model, batch, ["attn.core"], { hooks });
    const heads = captured.get(core)!; // [3, heads, 6, dHead]
    expect(max(abs(slice(heads, [0, 2, 0, 0], [-1, 1, -1, -1]))).dataSync()[0]).toBe(0);
    expect(max(abs(slice(heads, [0, 1, 0, 0], [-1, 1, -1, -1]))).dataSync()[0]).toBeGreaterThan(0);
    const changed = scores(model, batch, [{ site: "attn.pattern", positions: [3], op: { kind: "zero" } }]);
    expect(max(abs(sub(changed, model.forward(batch).logits!))).dataSync()[0]).toBeGreaterThan(0);
  });
});

test("nothing is left behind, not even after an error", () => {
  withTiny("gpt2", (model, batch) => {
    const plain = model.forward(batch).logits!;
    const before = memory().numTensors;
    const far: Intervention = { site: "ff.act", positions: [99], op: { kind: "zero" } };
    expect(() => scores(model, batch, [far])).toThrow("has 6 positions, got 99");
    tidy(() => void scores(model, batch, [{ site: "ff.act", op: { kind: "zero" } }]));
    expect(memory().numTensors).toBe(before);
    expect(model.forward(batch).logits).toBeAllClose(plain, exactly);
  });
});

test.each<[string, Intervention, string]>([
  ["a site that does not exist", { site: "L0.ffn.acts", op: { kind: "zero" } }, 'is "L0.ffn.act" meant?'],
  ["a unit beyond the width", { site: "L0.ffn.act", units: [12], op: { kind: "zero" } }, "has 12 units, got unit 12"],
  ["heads where there are none", { site: "ff.act", heads: [0], op: { kind: "zero" } }, "no axis of heads"],
  ["values that do not fit", { site: "ff.act", units: [1], op: { kind: "set", to: [1, 2] } }, "1 units are chosen"],
  ["a mean that was not given", { site: "ff.act", op: { kind: "mean" } }, "in options.means"],
  ["a source that was not given", { site: "ff.act", op: { kind: "swap" } }, "in options.sources"],
  ["a clamp the wrong way", { site: "ff.act", op: { kind: "clamp", low: 1, high: 0 } }, "low at most high"],
  ["an operation that does not exist", { site: "ff.act", op: { kind: "zeros" } as never }, "op"],
  ["a key that does not exist", { site: "ff.act", unit: [1], op: { kind: "zero" } } as never, '"units" meant'],
])("%s is an error", (_, intervention, message) => {
  withTiny("bert", (model) => {
    expect(() => intervene(model, [intervention])).toThrow(message);
  });
});

test("a name that is in both stacks asks which", () => {
  withTiny("t5", (model) => {
    expect(() => findSites(model, "L0.ffn.act")).toThrow("write encoder.L0.ffn.act or decoder.L0.ffn.act");
    expect(findSites(model, "ff.act").map((site: Site) => site.stack)).toContain("decoder");
    expect(new Set(findSites(model, "encoder.ff.act").map((site: Site) => site.stack))).toEqual(new Set(["encoder"]));
  });
});

test("a unit that is named twice is an error, since only one of its values could count", () => {
  const twice = [{ site: "L0.ffn.act", units: [3, 3], op: { kind: "set", to: [1, 2] } }];
  expect(() => parseInterventions(twice)).toThrow("names one twice");
});

test("interventions are JSON, and equal ones have equal names", () => {
  const list: readonly Intervention[] = [{ site: "L0.ffn.act", units: [1], op: { kind: "scale", by: 0.5 } }];
  const again = parseInterventions(JSON.parse(JSON.stringify(list)));
  expect(again).toEqual(list);
  expect(hashInterventions(again)).toBe(hashInterventions(list));
  expect(hashInterventions([{ ...list[0]!, units: [2] }])).not.toBe(hashInterventions(list));
});
