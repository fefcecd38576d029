import {
  add,
  engine,
  exp,
  grad,
  matMul,
  memory,
  mul,
  reshape,
  type Scalar,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tanh,
  tidy,
} from "@tensorflow/tfjs-core";
import { expect, onTestFinished, test, vi } from "vitest";
import { valueAndGradients } from "./differentiate.ts";
import { around, onWeight } from "./hook.ts";
import type { Model } from "./model.ts";
import { dropout } from "./ops/dropout.ts";
import { layerNorm } from "./ops/norm.ts";
import type { Parameters } from "./parameters.ts";
import { random } from "./random.ts";
import { remat, rematBlocks } from "./remat.ts";
import { createScope } from "./scope.ts";
import type { Site } from "./site.ts";

type Part = (x: Tensor2D) => Tensor2D;
const plainly = (f: Part): Part => f;
const draw = (label: string, shape: number[] = [4, 4]): Tensor => random(1).at(label).normal(shape);

/** Gradients of a chain of three parts, each under `how`, at x and two weights; one more weight is frozen. */
function gradientsUnder(how: (f: Part) => Part): Map<string, Tensor> {
  const at: Parameters = new Map(["x", "w0", "w1"].map((name) => [name, draw(name)]));
  const frozen = draw("frozen") as Tensor2D;
  const { value, gradients } = valueAndGradients((point) => {
    const shift = mul(point.get("w1")!, 0.5); // made outside of the parts that read it
    const parts: Part[] = [
      (x) => tanh(add(matMul(x, point.get("w0") as Tensor2D), shift)),
      (x) =>
        dropout(
          reshape(
            layerNorm(reshape(matMul(x, frozen), [16]), reshape(shift, [16]), reshape(frozen, [16])),
            [4, 4],
          ) as Tensor2D,
          0.3,
          random(2),
        ),
      (x) => add(x, tanh(matMul(x, point.get("w0") as Tensor2D))),
    ];
    return sum(parts.reduce((x, part) => how(part)(x), point.get("x") as Tensor2D));
  }, at);
  return new Map([["loss", value], ...gradients]);
}

function expectEqual(found: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, tensor] of expected) expect(found.get(name)!.dataSync(), name).toEqual(tensor.dataSync());
}

test("values and gradients are equal bit for bit, those of captured and temporary tensors and of dropout too", () => {
  tidy(() => expectEqual(gradientsUnder(remat), gradientsUnder(plainly)));
});

test("a part within a part may be computed again as well", () => {
  tidy(() =>
    expectEqual(
      gradientsUnder((f) => remat((x) => remat(f)(x))),
      gradientsUnder(plainly),
    ),
  );
});

test("outside of gradients it is the function itself", () => {
  tidy(() => {
    const f = (x: Tensor): Tensor => x;
    const x = draw("x");
    expect(remat(f)(x)).toBe(x);
  });
});

test("a function that passes on what it was given keeps the gradient", () => {
  tidy(() => {
    const slope = grad((x: Tensor) => sum(mul(remat((y: Tensor) => y)(x), x)));
    expect(slope(draw("x"))).toBeAllClose(mul(draw("x"), 2));
  });
});

test("the forward pass runs twice, and gradients of what is frozen are not computed", () => {
  const products = (how: (f: Part) => Part): number => {
    const run = vi.spyOn(engine(), "runKernel");
    onTestFinished(() => run.mockRestore());
    tidy(() => void gradientsUnder(how));
    const count = run.mock.calls.filter(([name]) => name === "BatchMatMul").length;
    run.mockRestore();
    return count;
  };
  // Forward 3; backward 2 for each trained weight's product and 1 for the frozen one.
  expect(products(plainly)).toBe(3 + 5);
  expect(products(remat)).toBe(2 * 3 + 5);
});

test("between the forward pass and the gradient only inputs stay in memory", () => {
  const width = 64;
  const heldBytes = (how: (f: Part) => Part): number =>
    tidy(() => {
      const before = memory().numBytes;
      let held = 0;
      grad((x: Tensor) => {
        let y = x as Tensor2D;
        for (let part = 0; part < 4; part++) y = how((z) => exp(exp(exp(exp(exp(mul(z, 0.1)))))) as Tensor2D)(y);
        held = tidy(() => memory().numBytes - before);
        return sum(y);
      })(draw("x", [width, width]));
      return held;
    });
  const bytes = 4 * width * width;
  // x itself was there before: three inputs of parts, the last result, and the factor 0.1.
  expect(heldBytes(remat)).toBeLessThanOrEqual(5 * bytes + 64);
  expect(heldBytes(plainly)).toBeGreaterThanOrEqual(20 * bytes);
});

test("the gradient of a gradient is right", () => {
  tidy(() => {
    const cube = (how: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) => (x: Tensor) =>
      sum(how((y) => mul(mul(y, y), y))(x)) as Scalar;
    const second = grad((x: Tensor) => sum(grad(cube(remat))(x)));
    expect(second(draw("x"))).toBeAllClose(mul(draw("x"), 6), { absolute: 1e-5 });
  });
});

/** Two blocks `tanh(x W)`, with dropout on what comes out. */
function tinyModel(): Model<Tensor3D, Tensor3D, null> {
  const names = ["block.0", "block.1"];
  const weightOf = (path: string) => ({ name: `${path}.dense.weight`, layout: "out,in" }) as const;
  const sites: Site[] = names.flatMap((path, layer) => [
    { kind: "block", path, role: "block", layer, width: 4 },
    { kind: "linear", path: `${path}.dense`, role: "ff.up", layer, width: 4, weight: weightOf(path) },
  ]);
  const parameters: Parameters = new Map(names.map((path) => [`${path}.dense.weight`, draw(path)]));
  return {
    config: null,
    parameters,
    sites: () => sites,
    forward: (input, { hooks = [], parameters: at = parameters, training = false, random: key = random(0) } = {}) =>
      tidy(() => {
        const root = createScope(at, { hooks, training, random: key, sites });
        return names.reduce((x, path) => {
          const scope = root.at(path);
          const block = (y: Tensor3D): Tensor3D =>
            dropout(tanh(scope.linear("dense", y)), 0.3, scope.random) as Tensor3D;
          return scope.call("block", "", x, block);
        }, input);
      }),
  };
}

test("blocks of a model: hooks on weights and on activations inside of them get their gradients", () => {
  const gradients = (how: (model: Model<Tensor3D, Tensor3D, null>) => Model<Tensor3D, Tensor3D, null>) => {
    const model = tinyModel();
    const at: Parameters = new Map([
      ["shared", draw("shared")],
      ["scale", draw("scale", [1, 1, 4])],
    ]);
    const { value, gradients } = valueAndGradients((point) => {
      const doubled = mul(point.get("shared")!, 2); // a temporary value that hooks capture
      const hooks = [
        onWeight(
          () => true,
          (_, weight) => add(weight, doubled),
        ),
        around(
          "linear",
          () => true,
          ({ input, next }) => mul(next(input), point.get("scale")!),
        ),
      ];
      const options = { hooks, training: true, random: random(7) };
      return sum(how(model).forward(draw("input", [1, 3, 4]) as Tensor3D, options));
    }, at);
    return new Map([["loss", value as Tensor], ...gradients]);
  };
  tidy(() =>
    expectEqual(
      gradients(rematBlocks),
      gradients((model) => model),
    ),
  );
});
