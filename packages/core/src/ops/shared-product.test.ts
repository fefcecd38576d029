import {
  add,
  cos,
  grads,
  matMul,
  mul,
  neg,
  reshape,
  sin,
  slice,
  sum,
  type Tensor,
  type Tensor4D,
  tidy,
  tile,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { random } from "../random.ts";
import { rotateRows } from "./rotate.ts";
import { sharedProduct } from "./shared-product.ts";

const draw = (shape: number[], label: string): Tensor4D => random(1).at(label).normal(shape) as Tensor4D;

test.each([false, true])(
  "members of a group share a matrix: values and gradients of its copies (transposed: %s)",
  (transposeB) => {
    tidy(() => {
      const [groups, members, rows, inner, columns] = [3, 2, 4, 5, 6];
      const a = draw([groups, members, rows, inner], "a");
      const b = draw(transposeB ? [groups, 1, columns, inner] : [groups, 1, inner, columns], "b");
      const dy = draw([groups, members, rows, columns], "dy");
      // Each group by itself, where nothing is broadcast.
      const apart = (x: Tensor, y: Tensor): Tensor[] =>
        Array.from({ length: groups }, (_, group) => {
          const own = (z: Tensor): Tensor => slice(z, [group, 0, 0, 0], [1, -1, -1, -1]);
          const [, , first, second] = y.shape as [number, number, number, number];
          return matMul(
            reshape(own(x), [members, rows, inner]),
            tile(reshape(own(y), [1, first, second]), [members, 1, 1]),
            false,
            transposeB,
          );
        });
      const product = sharedProduct(a, b, transposeB);
      for (const [group, expected] of apart(a, b).entries()) {
        expect(reshape(slice(product, [group, 0, 0, 0], [1, -1, -1, -1]), expected.shape)).toBeAllClose(expected);
      }
      const [da, db] = grads((x: Tensor, y: Tensor) =>
        sum(mul(sharedProduct(x as Tensor4D, y as Tensor4D, transposeB), dy)),
      )([a, b]) as [Tensor, Tensor];
      const [ea, eb] = grads((x: Tensor, y: Tensor) =>
        apart(x, y).reduce(
          (total: Tensor, part, group) => {
            const own = reshape(slice(dy, [group, 0, 0, 0], [1, -1, -1, -1]), part.shape);
            return add(total, sum(mul(part, own)));
          },
          sum(mul(x, 0)),
        ),
      )([a, b]) as [Tensor, Tensor];
      expect(da).toBeAllClose(ea, { absolute: 1e-5 });
      expect(db).toBeAllClose(eb, { absolute: 1e-5 });
    });
  },
);

test("turned rows keep their lengths, and turn back by the opposite angles: so does the gradient", () => {
  tidy(() => {
    const x = draw([2, 3, 4, 6], "x");
    const angles = draw([2, 1, 4, 3], "angles");
    const turned = rotateRows(x, cos(angles), sin(angles));
    expect(rotateRows(turned, cos(angles), neg(sin(angles)))).toBeAllClose(x, { absolute: 1e-6 });
    expect(sum(mul(turned, turned))).toBeAllClose(sum(mul(x, x)), { relative: 1e-6 });
    const dy = draw([2, 3, 4, 6], "dy");
    const [dx] = grads((y: Tensor) => sum(mul(rotateRows(y as Tensor4D, cos(angles), sin(angles)), dy)))([x]);
    expect(dx!).toBeAllClose(rotateRows(dy, cos(angles), neg(sin(angles))), { absolute: 1e-6 });
    // One pair by hand.
    const [a, b, angle] = [x, x, angles].map(
      (tensor, i) => slice(tensor, i === 2 ? [1, 0, 2, 1] : [1, 2, 2, i * 3 + 1], [1, 1, 1, 1]).dataSync()[0]!,
    ) as [number, number, number];
    const expected = [a * Math.cos(angle) - b * Math.sin(angle), b * Math.cos(angle) + a * Math.sin(angle)];
    for (const [i, value] of expected.entries()) {
      expect(slice(turned, [1, 2, 2, i * 3 + 1], [1, 1, 1, 1]).dataSync()[0]).toBeCloseTo(value, 5);
    }
  });
});

test("angles that do not fit are an error", () => {
  tidy(() => {
    const x = draw([2, 3, 4, 6], "x");
    expect(() => rotateRows(x, draw([2, 1, 4, 2], "c"), draw([2, 1, 4, 2], "s"))).toThrow(
      "cosine must have shape [2,1,4,3]",
    );
    expect(() => rotateRows(x, draw([1, 1, 4, 3], "c"), draw([2, 1, 4, 3], "s"))).toThrow(
      "sine must have shape [1,1,4,3]",
    );
  });
});
