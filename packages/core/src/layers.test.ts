import {
  add,
  gather,
  grad,
  grads,
  mul,
  reshape,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tensor1d,
  tensor2d,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { around, type Hook, onWeight } from "./hook.ts";
import { silu } from "./ops/activation.ts";
import type { Parameters } from "./parameters.ts";
import { random } from "./random.ts";
import { createScope, type Scope, type ScopeCache } from "./scope.ts";
import type { Site } from "./site.ts";

const everywhere = (): boolean => true;
const draw = (label: string, shape: readonly number[]): Tensor => random(4).at(label).normal(shape);

/** Runs `body` and disposes of all it makes. */
const inTidy = (body: () => void): void => void tidy(() => void body());

function open(sites: readonly Site[], parameters: Parameters, hooks: readonly Hook[] = [], cache?: ScopeCache): Scope {
  return createScope(parameters, { hooks, training: false, random: random(1), sites, cache });
}

const up = (more: Partial<Site> = {}): Site => ({
  kind: "linear",
  path: "up",
  role: "ff.up",
  width: 3,
  weight: { name: "up.weight", layout: "out,in" },
  ...more,
});

test("a linear site is x W^T + b, with the bias that it declares, through hooks on both", () => {
  inTidy(() => {
    const weight = tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const x = tensor2d([
      [1, 1],
      [0, 1],
    ]);
    const parameters = new Map<string, Tensor>([
      ["up.weight", weight],
      ["up.bias", tensor1d([10, 20, 30])],
    ]);
    const biased = [up({ bias: "up.bias" })];
    expect(open([up()], parameters).linear("up", x)).toBeAllClose([
      [3, 7, 11],
      [2, 4, 6],
    ]);
    expect(open(biased, parameters).linear("up", x)).toBeAllClose([
      [13, 27, 41],
      [12, 24, 36],
    ]);
    const biasHook = onWeight(
      (name) => name.endsWith("bias"),
      (_name, bias) => mul(bias, 0),
    );
    const outputHook = around("linear", everywhere, ({ input, next }) => mul(next(input), 2));
    expect(open(biased, parameters, [biasHook, outputHook]).linear("up", x)).toBeAllClose([
      [6, 14, 22],
      [4, 8, 12],
    ]);
    expect(open([up()], parameters).linear("up", reshape(x, [2, 1, 2])).shape).toEqual([2, 1, 3]);
  });
});

test("a weight that is stored the other way round gives the same", () => {
  inTidy(() => {
    const x = draw("x", [4, 2]);
    const weight = draw("w", [3, 2]) as Tensor2D;
    const turned = up({ weight: { name: "up.weight", layout: "in,out" } });
    const plain = open([up()], new Map([["up.weight", weight]])).linear("up", x);
    expect(open([turned], new Map([["up.weight", transpose(weight)]])).linear("up", x)).toBeAllClose(plain);
  });
});

const fused: readonly Site[] = [
  { kind: "linear", path: "qkv", role: "attn.qkv", width: 6, weight: { name: "qkv.weight", layout: "in,out" } },
  ...["q", "k", "v"].map(
    (name, i): Site => ({
      kind: "linear",
      path: `qkv.${name}`,
      role: `attn.${name}`,
      width: 2,
      part: { of: "qkv", columns: [2 * i, 2 * i + 2] },
    }),
  ),
];

test("a part's next is the slice of the whole's, and the whole runs once when its own input is what parts read", () => {
  inTidy(() => {
    let runs = 0;
    const parameters = new Map([["qkv.weight", draw("qkv", [3, 6])]]);
    const x = draw("x", [5, 3]);
    const whole = open(fused, parameters).linear("qkv", x);
    const counting = around(
      "linear",
      (site) => site.role === "attn.qkv",
      ({ input, next }) => {
        runs++;
        return add(next(input), 1);
      },
    );
    const seen: Tensor[] = [];
    const onParts = around(
      "linear",
      (site) => site.part !== undefined,
      ({ input, next }) => {
        const part = next(input);
        seen.push(part);
        return mul(part, 3);
      },
    );
    const parts = open(fused, parameters, [counting, onParts]).split("qkv", x);
    expect(runs).toBe(1);
    for (const [i, part] of parts.entries()) {
      const columns = add(slice(whole, [0, 2 * i], [5, 2]), 1);
      expect(seen[i]).toBeAllClose(columns);
      expect(part).toBeAllClose(mul(columns, 3));
    }
    runs = 0;
    const doubled = around(
      "linear",
      (site) => site.role === "attn.k",
      ({ input, next }) => next(mul(input, 2)),
    );
    const [q, k] = open(fused, parameters, [counting, doubled]).split("qkv", x);
    expect(runs).toBe(2);
    expect(q).toBeAllClose(add(slice(whole, [0, 0], [5, 2]), 1));
    expect(k).toBeAllClose(add(mul(slice(whole, [0, 2], [5, 2]), 2), 1));
  });
});

const attention: readonly Site[] = [
  { kind: "attention", path: "attn", role: "attn.core", width: 4 },
  { kind: "pattern", path: "attn.pattern", role: "attn.pattern", width: 6 },
];

const watchPattern = around("pattern", everywhere, ({ input, next }) => next(input));

/** Six heads that share two of keys, five rows. */
function heads(): { query: Tensor4D; key: Tensor4D; value: Tensor4D; scale: number } {
  const [query, key, value] = [draw("q", [2, 6, 5, 4]), draw("k", [2, 2, 5, 4]), draw("v", [2, 2, 5, 4])] as Tensor4D[];
  return { query: query!, key: key!, value: value!, scale: 0.7 };
}

test.each([true, false])("attention in pieces is attention in one piece (causal: %s)", (causal) => {
  inTidy(() => {
    const bias = draw("bias", [2, 1, 1, 5]);
    const inOne = open(attention, new Map()).attend("attn", { ...heads(), bias, causal });
    const inPieces = open(attention, new Map(), [watchPattern]).attend("attn", { ...heads(), bias, causal });
    expect(inPieces).toBeAllClose(inOne);
  });
});

test.each([
  ["one piece", []],
  ["pieces", [watchPattern]],
])("the gradient of a head that several queries share is the sum over its copies (in %s)", (_, hooks) => {
  inTidy(() => {
    const { query, key, value, scale } = heads();
    const weights = draw("weights", [2, 6, 5, 4]);
    const attend = (...[q, k, v]: Tensor[]): Tensor => {
      const input = { query: q as Tensor4D, key: k as Tensor4D, value: v as Tensor4D, scale, causal: true };
      return sum(mul(open(attention, new Map(), hooks).attend("attn", input), weights));
    };
    const copied = [key, value].map((x) => gather(x, [0, 0, 0, 1, 1, 1], 1));
    const [ofQuery, ...ofShared] = grads(attend)([query, key, value]);
    const [wanted, ...ofCopies] = grads(attend)([query, ...copied]);
    expect(ofQuery).toBeAllClose(wanted!);
    for (const [i, gradient] of ofShared.entries()) {
      expect(gradient).toBeAllClose(sum(reshape(ofCopies[i]!, [2, 2, 3, 5, 4]), 2));
    }
  });
});

test("causal attention sees no later key: what the last rows hold changes nothing before them", () => {
  inTidy(() => {
    const { query, key, value, scale } = heads();
    const whole = open(attention, new Map()).attend("attn", { query, key, value, scale, causal: true });
    const cut = (x: Tensor4D): Tensor4D => slice(x, [0, 0, 0, 0], [-1, -1, 3, -1]);
    const front = { query: cut(query), key: cut(key), value: cut(value), scale, causal: true };
    expect(open(attention, new Map()).attend("attn", front)).toBeAllClose(cut(whole));
  });
});

test("with a cache, the last rows alone give what all rows give, and are told to it", () => {
  inTidy(() => {
    const { query, key, value, scale } = heads();
    const whole = open(attention, new Map()).attend("attn", { query, key, value, scale, causal: true });
    const rows = (x: Tensor4D, from: number, count: number): Tensor4D => slice(x, [0, 0, from, 0], [-1, -1, count, -1]);
    const recorded: Tensor4D[] = [];
    const cache: ScopeCache = {
      isEmpty: false,
      mask: undefined,
      position: undefined,
      nextPosition: 3,
      before: () => {
        const [batch, ofKeys, , dHead] = key.shape;
        const grouped = (x: Tensor4D): Tensor4D => reshape(rows(x, 0, 3), [batch * ofKeys, 1, 3, dHead]);
        return { columns: transpose(grouped(key), [0, 1, 3, 2]), rows: grouped(value) };
      },
      record: (_path, newKey, newValue) => void recorded.push(newKey, newValue),
      once: (_path, make) => make(),
    };
    const last = { query: rows(query, 3, 2), key: rows(key, 3, 2), value: rows(value, 3, 2), scale, causal: true };
    expect(open(attention, new Map(), [], cache).attend("attn", last)).toBeAllClose(rows(whole, 3, 2));
    expect(recorded).toEqual([last.key, last.value]);
  });
});

test("a gated feed-forward part multiplies by what is not activated; its activation's columns are what down reads", () => {
  inTidy(() => {
    const layer = (path: string, width: number): Site => up({ path, width, weight: { name: path, layout: "out,in" } });
    const sites: readonly Site[] = [
      layer("up", 3),
      layer("gate", 3),
      { kind: "activation", path: "act", role: "ff.act", width: 3 },
      layer("down", 2),
    ];
    const parameters = new Map([
      ["up", draw("up", [3, 2])],
      ["gate", draw("gate", [3, 2])],
      ["down", draw("down", [2, 3])],
    ]);
    const x = draw("x", [1, 4, 2]) as Tensor3D;
    const part = { up: "up", gate: "gate", act: "act", down: "down", activate: (h: Tensor): Tensor => mul(h, h) };
    const scope = open(sites, parameters);
    const gate = scope.linear("gate", x);
    const neurons = mul(mul(gate, gate), scope.linear("up", x));
    expect(scope.feedForward(x, part)).toBeAllClose(scope.linear("down", neurons));
    const silent = around("activation", everywhere, ({ input, next }) => mul(next(input), 0));
    expect(open(sites, parameters, [silent]).feedForward(x, part)).toBeAllClose(mul(x, 0));
  });
});

test("a gated part with silu, which is one operation, is what it is in two, and its hooks see the same", () => {
  inTidy(() => {
    const layer = (path: string, width: number): Site => up({ path, width, weight: { name: path, layout: "out,in" } });
    const sites: readonly Site[] = [
      layer("up", 3),
      layer("gate", 3),
      { kind: "activation", path: "act", role: "ff.act", width: 3 },
      layer("down", 2),
    ];
    const parameters = new Map([
      ["up", draw("up", [3, 2])],
      ["gate", draw("gate", [3, 2])],
      ["down", draw("down", [2, 3])],
    ]);
    const part = { up: "up", gate: "gate", act: "act", down: "down" };
    const hook = around("activation", everywhere, ({ input, next }) => mul(next(mul(input, 0.5) as Tensor3D), 3));
    for (const hooks of [[], [hook]]) {
      const [one, two] = [silu, (h: Tensor) => silu(h)].map((activate) =>
        grad((x: Tensor) => open(sites, parameters, hooks).feedForward(x as Tensor3D, { ...part, activate }))(
          draw("x", [1, 4, 2]),
        ),
      );
      expect(one!).toBeAllClose(two!, { absolute: 1e-6 });
    }
  });
});
