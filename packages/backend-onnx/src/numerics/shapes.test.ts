/** Kernels that move elements against their definitions: exact, for every type and rank. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { test } from "vitest";
import { onOnnx } from "./on-onnx.fixture.ts";
import { at, build, type Case, compare, holds, type Plain, plains, shapes, sizeOf } from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

const moved = (run: (x: T) => T, define: (x: Plain) => Plain): Case => ({
  run: run as Case["run"],
  define: define as Case["define"],
});

/** A tensor of any type and a value that depends on its shape. */
function withShape<S>(
  setting: (shape: number[]) => fc.Arbitrary<S>,
  options: Parameters<typeof shapes>[0] = {},
): fc.Arbitrary<[Plain, S]> {
  return fc
    .tuple(shapes({ minRank: 1, ...options }), fc.constantFrom<Plain["dtype"]>("float32", "int32", "bool"))
    .chain(([shape, dtype]) => fc.tuple(plains(shape, dtype), setting(shape)));
}

test("axes are permuted", () => {
  holds(
    withShape((shape) =>
      fc.shuffledSubarray(
        shape.map((_, axis) => axis),
        { minLength: shape.length },
      ),
    ),
    ([x, permutation]) => {
      const transpose = moved(
        (tensor) => tf.transpose(tensor, permutation),
        (plain) =>
          build(
            permutation.map((axis) => plain.shape[axis]!),
            plain.dtype,
            (index) =>
              at(
                plain,
                plain.shape.map((_, axis) => index[permutation.indexOf(axis)]!),
              ),
          ),
      );
      compare({ transpose }, [x]);
    },
  );
});

test("slices, with strides in either direction", () => {
  holds(
    withShape((shape) =>
      fc.tuple(
        ...shape.map((length) =>
          fc.tuple(
            fc.integer({ min: 0, max: length }),
            fc.integer({ min: 0, max: length }),
            fc.constantFrom(-2, -1, 1, 2, 3),
          ),
        ),
      ),
    ),
    ([x, ranges]) => {
      const [lows, highs] = [ranges.map(([a, b]) => Math.min(a, b)), ranges.map(([a, b]) => Math.max(a, b))];
      const size = lows.map((low, axis) => highs[axis]! - low);
      const slice = moved(
        (tensor) => tf.slice(tensor, lows, size),
        (plain) =>
          build(size, plain.dtype, (index) =>
            at(
              fullAxes(plain),
              index.map((i, axis) => lows[axis]! + i),
            ),
          ),
      );
      const strides = ranges.map(([, , stride]) => Math.abs(stride));
      const stridedSizes = size.map((length, axis) => Math.ceil(length / strides[axis]!));
      const stridedSlice = moved(
        (tensor) => tf.stridedSlice(tensor, lows, highs, strides),
        (plain) =>
          build(stridedSizes, plain.dtype, (index) =>
            at(
              fullAxes(plain),
              index.map((i, axis) => lows[axis]! + i * strides[axis]!),
            ),
          ),
      );
      compare({ slice, stridedSlice }, [x]);
    },
  );
});

/** `at` broadcasts axes of length 1, where every index is 0 anyway. */
const fullAxes = (plain: Plain): Plain => plain;

test("axes are reversed, negative ones too", () => {
  holds(
    withShape((shape) =>
      fc.subarray(
        shape.map((_, axis) => axis),
        { minLength: 1 },
      ),
    ),
    ([x, axes]) => {
      const reverse = moved(
        (tensor) =>
          tf.reverse(
            tensor,
            axes.map((axis) => axis - x.shape.length),
          ),
        (plain) =>
          build(plain.shape, plain.dtype, (index) =>
            at(
              plain,
              index.map((i, axis) => (axes.includes(axis) ? plain.shape[axis]! - 1 - i : i)),
            ),
          ),
      );
      compare({ reverse }, [x]);
    },
  );
});

test("tiles repeat", () => {
  holds(
    withShape((shape) => fc.tuple(...shape.map(() => fc.integer({ min: 1, max: 3 }))), { maxRank: 4 }),
    ([x, repetitions]) => {
      const tile = moved(
        (tensor) => tf.tile(tensor, repetitions),
        (plain) =>
          build(
            plain.shape.map((length, axis) => length * repetitions[axis]!),
            plain.dtype,
            (index) =>
              at(
                plain,
                index.map((i, axis) => i % plain.shape[axis]!),
              ),
          ),
      );
      compare({ tile }, [x]);
    },
  );
});

test("padding surrounds with an element, or mirrors", () => {
  holds(
    withShape(
      (shape) =>
        fc.tuple(
          ...shape.map((length) =>
            fc.tuple(
              fc.integer({ min: 0, max: Math.max(length - 1, 0) }),
              fc.integer({ min: 0, max: Math.max(length - 1, 0) }),
            ),
          ),
        ),
      { maxRank: 4 },
    ),
    ([x, paddings]) => {
      const grown = x.shape.map((length, axis) => length + paddings[axis]![0] + paddings[axis]![1]);
      const pad = moved(
        (tensor) => tf.pad(tensor, paddings as [number, number][], 1),
        (plain) =>
          build(grown, plain.dtype, (index) => {
            const source = index.map((i, axis) => i - paddings[axis]![0]);
            return source.every((i, axis) => i >= 0 && i < plain.shape[axis]!) ? at(plain, source) : 1;
          }),
      );
      const mirrored = (mode: "reflect" | "symmetric"): Case =>
        moved(
          (tensor) => tf.mirrorPad(tensor, paddings as [number, number][], mode),
          (plain) =>
            build(grown, plain.dtype, (index) =>
              at(
                plain,
                index.map((position, axis) => {
                  const [i, last, border] = [
                    position - paddings[axis]![0],
                    plain.shape[axis]! - 1,
                    mode === "symmetric" ? 1 : 0,
                  ];
                  if (i < 0) return -i - border;
                  return i > last ? 2 * last - i + border : i;
                }),
              ),
            ),
        );
      const canMirror = x.dtype !== "bool" && x.shape.every((length) => length > 0);
      compare(canMirror ? { pad, reflect: mirrored("reflect"), symmetric: mirrored("symmetric") } : { pad }, [x]);
    },
  );
});

test("tensors are joined along an axis, and split again", () => {
  const parts = withShape((shape) =>
    fc.tuple(
      fc.integer({ min: 0, max: shape.length - 1 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }),
    ),
  );
  holds(parts, ([x, [axis, lengths]]) => {
    const joined = { ...x.shape };
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const whole = Object.values(joined).with(axis, total) as number[];
    const source: Plain = {
      shape: whole,
      dtype: x.dtype,
      data: Array.from({ length: sizeOf(whole) }, (_, i) => (x.dtype === "bool" ? i % 2 : i)),
    };
    const through = moved(
      (tensor) => {
        const pieces = tf.split(tensor, lengths, axis);
        return tf.concat(pieces, axis);
      },
      (plain) => plain,
    );
    const stacked = moved(
      (tensor) => tf.stack(tf.unstack(tensor, axis), axis - whole.length),
      (plain) => plain,
    );
    compare(total > 0 ? { through, stacked } : { through }, [source]);
  });
});

test("space and batch are exchanged and back", () => {
  const setting = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    height: fc.integer({ min: 1, max: 4 }),
    width: fc.integer({ min: 1, max: 4 }),
    channels: fc.integer({ min: 1, max: 3 }),
    block: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  });
  holds(setting, ({ batch, height, width, channels, block }) => {
    const shape = [batch, height, width, channels];
    const x: Plain = { shape, dtype: "float32", data: Array.from({ length: sizeOf(shape) }, (_, i) => i) };
    const missing = [(block[0] - (height % block[0])) % block[0], (block[1] - (width % block[1])) % block[1]] as const;
    const paddings = [
      [0, missing[0]],
      [0, missing[1]],
    ];
    const spaceToBatch = moved(
      (tensor) => tf.spaceToBatchND(tensor, [...block], paddings),
      (plain) => {
        const [outHeight, outWidth] = [(height + missing[0]) / block[0], (width + missing[1]) / block[1]];
        return build(
          [batch * block[0] * block[1], outHeight, outWidth, channels],
          "float32",
          ([b, row, column, channel]) => {
            const part = Math.floor(b! / batch);
            const y = row! * block[0] + Math.floor(part / block[1]);
            const z = column! * block[1] + (part % block[1]);
            return y < height && z < width ? at(plain, [b! % batch, y, z, channel!]) : 0;
          },
        );
      },
    );
    const back = moved(
      (tensor) => tf.batchToSpaceND(tf.spaceToBatchND(tensor, [...block], paddings), [...block], paddings),
      (plain) => plain,
    );
    compare({ spaceToBatch, back }, [x]);
  });
});
