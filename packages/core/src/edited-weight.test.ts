import {
  add,
  gather,
  matMul,
  mul,
  reshape,
  scatterND,
  square,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "./backend.ts";
import { valueAndGradients } from "./differentiate.ts";
import { editWeight, lookUp } from "./edited-weight.ts";
import { applyWeight } from "./layers.ts";
import { disposeParameters, type Parameters } from "./parameters.ts";
import { random } from "./random.ts";

const noise = (label: string, shape: readonly number[]): Tensor => random(1).at(label).normal(shape);
const numbers = (tree: Parameters): number[][] => [...tree.values()].map((tensor) => [...tensor.dataSync()]);

/** Sums of up to 40 products of numbers near one, in another order: some units in the last place of numbers below 100. */
function expectClose(received: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(received.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  const far = received.flatMap((list, i) =>
    list.flatMap((value, j) =>
      Math.abs(value - expected[i]![j]!) <= 1e-4 + 1e-5 * Math.abs(expected[i]![j]!) ? [] : [[value, expected[i]![j]]],
    ),
  );
  expect(far).toEqual([]);
}

/** Gradients of a quadratic function of what `body` gives. */
function gradientsOf(at: Parameters, body: (at: Parameters) => Tensor): number[][] {
  const { value, gradients } = valueAndGradients((q) => sum(square(add(body(q), 0.5))), at);
  const found = [[...value.dataSync()], ...numbers(gradients)];
  value.dispose();
  disposeParameters(gradients);
  return found;
}

// Rows of the weight as stored, its columns, the number of edited scalars or rows. The last is above the share up to which
// single products are taken.
const cases = [
  ["out,in", "scalars", 40, 30, 5],
  ["in,out", "scalars", 40, 30, 5],
  ["out,in", "scalars", 4, 6, 9],
  ["in,out", "scalars", 4, 6, 9],
  ["out,in", "rows", 7, 5, 3],
  ["in,out", "rows", 7, 5, 3],
] as const;

describe.each(["cpu", "wasm", "onnx"] as const)("on %s", (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(cases)(
    "a linear layer of an edited weight, %s by %s of %i x %i, is that of the sum",
    (layout, by, rows, columns, count) => {
      const index = random(2)
        .permutation(by === "rows" ? rows : rows * columns)
        .slice(0, count);
      const at = new Map([
        ["x", noise("x", [2, 3, layout === "out,in" ? columns : rows])],
        ["weight", noise("weight", [rows, columns])],
        ["values", noise("values", by === "rows" ? [count, columns] : [count])],
      ]);
      const places = tensor1d(Int32Array.from(index), "int32");
      const edited = gradientsOf(at, (q) =>
        applyWeight(q.get("x")!, editWeight(q.get("weight")!, { values: q.get("values")!, index: places, by }), layout),
      );
      const weight = at.get("weight")!;
      // The sum of the weight and a matrix of the values, by a matrix of zeros and ones, whose gradient is tfjs's.
      const spread = tidy(() => {
        const ones = tensor2d(
          Array.from(index, (at, i) => [i, at]),
          undefined,
          "int32",
        );
        return scatterND(ones, tensor1d(new Float32Array(count).fill(1)), [
          count,
          by === "rows" ? rows : rows * columns,
        ]);
      });
      const plain = gradientsOf(at, (q) => {
        const values = q.get("values")!;
        const dense =
          by === "rows"
            ? matMul(spread as never, values as never, true, false)
            : reshape(matMul(reshape(values, [1, count]) as never, spread as never), weight.shape);
        return applyWeight(q.get("x")!, add(q.get("weight")!, dense), layout);
      });
      expectClose(edited, plain);
      disposeParameters(at);
      places.dispose();
      spread.dispose();
    },
  );

  test.each(["scalars", "rows"] as const)(
    "looking up rows of a table edited by %s is looking them up in the edited table",
    (by) => {
      const index = by === "rows" ? [1, 4] : [3, 4, 15, 16, 17]; // columns 0 and 1 of row 1, 0 to 2 of row 5
      const slots =
        by === "rows" ? [2, 0, 2, 2, 1, 2, 2] : [5, 5, 5, 0, 1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 2, 3, 4, 5, 5, 5];
      const columns = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0];
      const most = by === "rows" ? 1 : 3;
      const edit = {
        index: tensor1d(index, "int32"),
        slots: tensor2d(slots, [7, most], "int32"),
        columns: tensor2d(columns.slice(0, 7 * most), [7, most], "int32"),
        by,
      };
      const ids = tensor2d(
        [
          [5, 1, 5],
          [4, 0, 1],
        ],
        undefined,
        "int32",
      );
      const at = new Map([
        ["table", noise("table", [7, 3])],
        ["values", noise("values", by === "rows" ? [2, 3] : [5])],
      ]);
      const withSlots = gradientsOf(at, (q) =>
        lookUp(editWeight(q.get("table")!, { ...edit, values: q.get("values")! }), ids),
      );
      const whole = gradientsOf(at, (q) =>
        gather(mul(editWeight(q.get("table")!, { values: q.get("values")!, index: edit.index, by }), 1), ids),
      );
      expectClose(withSlots, whole);
      disposeParameters(at);
      for (const tensor of [ids, edit.index, edit.slots, edit.columns]) tensor.dispose();
    },
  );

  test("the weight that is edited keeps its values, and a copy of the result outlives what it was made of", () => {
    const weight = tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const values = tensor1d([10]);
    const index = tensor1d([2], "int32");
    const edited = editWeight(weight, { values, index, by: "scalars" });
    const copy = edited.clone();
    expect([...weight.dataSync()]).toEqual([1, 2, 3, 4]);
    for (const tensor of [weight, values, index, edited]) tensor.dispose();
    const x = tensor2d([[1, 1]]);
    const y = tidy(() => applyWeight(x, copy, "out,in"));
    expect([...y.dataSync()]).toEqual([3, 17]);
    for (const tensor of [x, y, copy]) tensor.dispose();
  });

  test("edits after one another each have their gradient", () => {
    const at = new Map([
      ["weight", noise("weight", [3, 4])],
      ["one", noise("one", [2])],
      ["two", noise("two", [3])],
    ]);
    const [first, second] = [tensor1d([0, 5], "int32"), tensor1d([5, 6, 11], "int32")];
    const x = noise("x", [2, 4]);
    const edit = (q: Parameters): Tensor =>
      editWeight(editWeight(q.get("weight")!, { values: q.get("one")!, index: first, by: "scalars" }), {
        values: q.get("two")!,
        index: second,
        by: "scalars",
      });
    const sparse = gradientsOf(at, (q) => applyWeight(x, edit(q), "out,in"));
    const dense = gradientsOf(at, (q) => applyWeight(x, mul(edit(q), 1), "out,in"));
    expectClose(sparse, dense);
    disposeParameters(at);
    for (const tensor of [first, second, x]) tensor.dispose();
  });
});
