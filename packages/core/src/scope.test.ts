import {
  add,
  dispose,
  fill,
  mul,
  ones,
  scalar,
  sub,
  type Tensor,
  type Tensor3D,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type Around, around, type Context, type Hook, nameHook, onWeight } from "./hook.ts";
import type { Parameters } from "./parameters.ts";
import { random } from "./random.ts";
import { createScope, type Scope } from "./scope.ts";
import type { Site } from "./site.ts";

const sites: readonly Site[] = [
  { kind: "block", path: "layer.0", role: "block", layer: 0, width: 1 },
  { kind: "sublayer", path: "layer.0", role: "ff", layer: 0, width: 1 },
  { kind: "linear", path: "layer.0.up", role: "ff.up", layer: 0, width: 2 },
  { kind: "block", path: "layer.1", role: "block", layer: 1, width: 1 },
];

const open = (hooks: readonly Hook[] = [], parameters: Parameters = new Map()): Scope =>
  createScope(parameters, { hooks, training: false, random: random(1), sites });

const value = (tensor: Tensor): number => tensor.dataSync()[0]!;

/** Runs `body` and disposes of all it makes. */
const inTidy = (body: () => void): void => void tidy(() => void body());

const everywhere = (): boolean => true;
const times = (factor: number): Hook => onWeight(everywhere, (_name, weight) => mul(weight, factor));
const plus = (term: number): Hook => onWeight(everywhere, (_name, weight) => add(weight, term));

const visitBlock = (scope: Scope, x: number): number =>
  value(scope.call("block", "layer.0", fill([1, 1, 1], x) as Tensor3D, (input) => input));

test("without hooks a site is its body", () => {
  inTidy(() => {
    const x = ones([1, 1, 1]) as Tensor3D;
    expect(value(open().call("block", "layer.0", x, (input) => mul(input, 3)))).toBe(3);
  });
});

test("the last hook is the outermost, for activations", () => {
  const visits: string[] = [];
  const tracing = (name: string): Hook =>
    around("block", everywhere, ({ input, next }) => {
      visits.push(`${name} in`);
      const output = next(input);
      visits.push(`${name} out`);
      return output;
    });
  inTidy(() => {
    open([tracing("first"), tracing("last")]).call("block", "layer.0", ones([1, 1, 1]) as Tensor3D, (input) => {
      visits.push("site");
      return input;
    });
  });
  expect(visits).toEqual(["last in", "first in", "site", "first out", "last out"]);
});

test("the last hook is the outermost, for weights", () => {
  inTidy(() => {
    const parameters = new Map([["w", scalar(5)]]);
    expect(value(open([times(2), plus(1)], parameters).parameter("w"))).toBe(5 * 2 + 1);
    expect(value(open([plus(1), times(2)], parameters).parameter("w"))).toBe((5 + 1) * 2);
  });
});

test("a hook may change the input, the output, or leave the site out", () => {
  inTidy(() => {
    const x = ones([1, 1, 1]) as Tensor3D;
    const triple = (input: Tensor3D): Tensor3D => mul(input, 3);
    const visit = (hook: Hook): number => value(open([hook]).call("block", "layer.0", x, triple));
    expect(visit(around("block", everywhere, ({ input, next }) => next(add(input, 1))))).toBe(6);
    expect(visit(around("block", everywhere, ({ input, next }) => add(next(input), 1)))).toBe(4);
    expect(visit(around("block", everywhere, ({ input }) => input))).toBe(1);
  });
});

test("a hook runs only at the sites of its kind that it wants", () => {
  const seen: string[] = [];
  const watching = <K extends "block" | "sublayer">(kind: K, layer: number): Around<K> =>
    around<K>(
      kind,
      (site) => site.layer === layer,
      ({ input, next, site }) => {
        seen.push(`${site.kind} ${site.path}`);
        return next(input);
      },
    );
  inTidy(() => {
    const scope = open([watching("block", 1), watching("sublayer", 0)]);
    const x = ones([1, 1, 1]) as Tensor3D;
    scope.call("block", "layer.0", x, (input) => input);
    scope.call("sublayer", "layer.0", x, (input) => input);
    scope.at("layer").call("block", "1", x, (input) => input);
  });
  expect(seen).toEqual(["sublayer layer.0", "block layer.1"]);
});

test("a weight hook that reads its own weight sees the value before it, and does not run again", () => {
  let runs = 0;
  const normalised = onWeight(everywhere, (name, weight, context) => {
    runs++;
    return sub(weight, context.read(name));
  });
  inTidy(() => {
    expect(value(open([times(2), normalised], new Map([["w", scalar(5)]])).parameter("w"))).toBe(0);
  });
  expect(runs).toBe(1);
});

test("a weight hook that reads another weight sees it as the hooks before left it", () => {
  const addOther = onWeight(
    (name) => name === "a",
    (_name, weight, context) => add(weight, context.read("b")),
  );
  inTidy(() => {
    const parameters = new Map([
      ["a", scalar(1)],
      ["b", scalar(10)],
    ]);
    expect(value(open([times(2), addOther, plus(100)], parameters).parameter("a"))).toBe(1 * 2 + 10 * 2 + 100);
  });
});

test("two weight hooks that read each other's weight come to an end", () => {
  const other = (mine: string, yours: string): Hook =>
    onWeight(
      (name) => name === mine,
      (_name, weight, context) => add(weight, context.read(yours)),
    );
  inTidy(() => {
    const scope = open(
      [other("a", "b"), other("b", "a")],
      new Map([
        ["a", scalar(1)],
        ["b", scalar(10)],
      ]),
    );
    expect(value(scope.parameter("a"))).toBe(1 + 10);
    expect(value(scope.parameter("b"))).toBe(10 + (1 + 10));
  });
});

test("an activation hook reads a weight as the site reads it", () => {
  inTidy(() => {
    let seen: number | undefined;
    const reading = around("block", everywhere, ({ input, next, context }) => {
      seen = value(context.read("w"));
      return next(input);
    });
    visitBlock(open([reading, times(2)], new Map([["w", scalar(5)]])), 1);
    expect(seen).toBe(10);
  });
});

test("a weight that is read twice is edited once, also when another hook reads it", () => {
  let runs = 0;
  const counting = onWeight(
    (name) => name === "w",
    (_name, weight) => {
      runs++;
      return mul(weight, 2);
    },
  );
  const reading = onWeight(
    (name) => name === "v",
    (_name, weight, context) => add(weight, context.read("w")),
  );
  inTidy(() => {
    const scope = open(
      [counting, reading],
      new Map([
        ["w", scalar(5)],
        ["v", scalar(1)],
      ]),
    );
    expect(scope.parameter("w")).toBe(scope.parameter("w"));
    expect(value(scope.parameter("v"))).toBe(11);
  });
  expect(runs).toBe(1);
});

test("a weight that no hook wants is the stored tensor itself", () => {
  const w = scalar(1);
  expect(
    open(
      [
        onWeight(
          () => false,
          (_name, weight) => mul(weight, 2),
        ),
      ],
      new Map([["w", w]]),
    ).parameter("w"),
  ).toBe(w);
  dispose(w);
});

/** The first random numbers of each hook at the block of layer 0. */
function numbersAt(hooks: readonly (string | undefined)[], scope = { seed: 1, path: "layer.0" }): number[] {
  const numbers: number[] = [];
  const drawing = (_: unknown, i: number): Hook =>
    around("block", everywhere, ({ input, next, context }) => {
      numbers[i] = context.random.uniforms(1)[0]!;
      return next(input);
    });
  const named = hooks.map(drawing).map((hook, i) => (hooks[i] === undefined ? hook : nameHook(hook, hooks[i])));
  inTidy(() => {
    createScope(new Map(), { hooks: named, training: true, random: random(scope.seed), sites }).call(
      "block",
      scope.path,
      zeros([1, 1, 1]) as Tensor3D,
      (input) => input,
    );
  });
  return numbers;
}

test("hooks at one site draw different numbers, also those of one name or none", () => {
  expect(new Set(numbersAt(["a", "b", "a", undefined, undefined])).size).toBe(5);
});

test("one hook draws different numbers at two sites and from two seeds", () => {
  const [first] = numbersAt(["a"]);
  expect(numbersAt(["a"], { seed: 1, path: "layer.1" })[0]).not.toBe(first);
  expect(numbersAt(["a"], { seed: 2, path: "layer.0" })[0]).not.toBe(first);
});

test("a named hook draws the same numbers whatever is stacked before it", () => {
  expect(numbersAt(["b", undefined, "a"])[2]).toBe(numbersAt(["a"])[0]);
});

test("weight hooks draw different numbers at one weight, and a weight hook from an activation hook of its name", () => {
  const numbers: number[] = [];
  const draw = (context: Context): void => void numbers.push(context.random.uniforms(1)[0]!);
  const onW = onWeight(everywhere, (_name, weight, context) => {
    draw(context);
    return weight;
  });
  const onBlock = around("block", everywhere, ({ input, next, context }) => {
    draw(context);
    return next(input);
  });
  inTidy(() => {
    const scope = open(
      [nameHook(onW, "a"), nameHook(onW, "a"), onW, nameHook(onBlock, "a")],
      new Map([["layer.0", scalar(1)]]),
    );
    scope.parameter("layer.0");
    visitBlock(scope, 1);
  });
  expect(new Set(numbers).size).toBe(4);
});

test("visiting a site that was not declared is an error", () => {
  const x = ones([1, 1, 1]) as Tensor3D;
  const visit = () => open().call("block", "layer.9", x, (input) => input);
  expect(visit).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining('block site "layer.9"') }),
  );
  expect(() => open().call("norm", "layer.0", x, (input) => input)).toThrow("does not declare");
  dispose(x);
});

test("reading a parameter that is not there is an error that names it, with and without hooks", () => {
  expect(() => open().at("layer").parameter("w")).toThrow('no parameter "layer.w"');
  expect(() => open([times(2)]).parameter("w")).toThrow(
    expect.objectContaining({ code: "CONFIG", details: { name: "w" } }),
  );
});

test("paths join with dots", () => {
  const scope = open([], new Map());
  expect(scope.at("layer").at(0).at("").path).toBe("layer.0");
  expect(scope.path).toBe("");
});

test("a scope knows which sites the model declares", () => {
  expect(open().at("layer.0").declares("linear", "up")).toBe(true);
  expect(open().at("layer.0").declares("norm", "up")).toBe(false);
  expect(open().declares("linear", "up")).toBe(false);
});
