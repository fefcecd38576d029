import { tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { circulant } from "./circulant.ts";

test("each row of a circulant matrix is the row before it, one place on", () =>
  tidy(() => {
    expect(
      circulant(
        tensor2d([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ).arraySync(),
    ).toEqual([
      [
        [1, 2, 3],
        [3, 1, 2],
        [2, 3, 1],
      ],
      [
        [4, 5, 6],
        [6, 4, 5],
        [5, 6, 4],
      ],
    ]);
    expect(circulant(tensor2d([[7]])).arraySync()).toEqual([[[7]]]);
  }));
