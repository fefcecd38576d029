/** The rate at which ONNX Runtime itself multiplies matrices, without any backend around it: what a step is held against. */
import { availableParallelism } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** Rates in GFLOP/s. */
export interface GemmRates {
  /** The second matrix is an input. */
  readonly fed: number;
  /** The second matrix belongs to the graph, which packs it once. */
  readonly initialiser: number;
}

// Protocol buffers: a field is its number and kind, then an integer of seven bits a byte, or a length and bytes.
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
const integer = (field: number, value: number): Uint8Array =>
  Uint8Array.from([...varint(field << 3), ...varint(value)]);
function bytes(field: number, ...parts: (Uint8Array | string)[]): Uint8Array {
  const content = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([Uint8Array.from([...varint((field << 3) | 2), ...varint(content.length)]), content]);
}

const FLOAT = 1;

function tensorInfo(field: number, name: string, shape: readonly number[]): Uint8Array {
  const dimensions = shape.map((dimension) => bytes(1, integer(1, dimension)));
  return bytes(field, bytes(1, name), bytes(2, bytes(1, integer(1, FLOAT), bytes(2, ...dimensions))));
}

/** A model of one product `a · b`. */
function gemmModel(rows: number, inner: number, columns: number, weights?: Float32Array): Uint8Array {
  const second =
    weights === undefined
      ? tensorInfo(11, "b", [inner, columns])
      : bytes(
          5,
          integer(1, inner),
          integer(1, columns),
          integer(2, FLOAT),
          bytes(8, "b"),
          bytes(9, new Uint8Array(weights.buffer)),
        );
  const graph = bytes(
    7,
    bytes(1, bytes(1, "a"), bytes(1, "b"), bytes(2, "c"), bytes(4, "MatMul")),
    bytes(2, "product"),
    second,
    tensorInfo(11, "a", [rows, inner]),
    tensorInfo(12, "c", [rows, columns]),
  );
  return Buffer.concat([integer(1, 8), bytes(8, bytes(1, ""), integer(2, 17)), graph]);
}

/** Median time of a run in ms, and the number of runs. */
export async function medianOf(run: () => unknown, seconds: number): Promise<number> {
  const durations: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (durations.length < 3 || performance.now() < end) {
    const start = performance.now();
    await run();
    durations.push(performance.now() - start);
  }
  durations.sort((a, b) => a - b);
  return durations[durations.length >> 1]!;
}

/** Times one product of the runtime with weights fed and as initialiser, on all cores and with the runtime's defaults. */
export async function measureRuntimeGemm(
  rows: number,
  inner: number,
  columns: number,
  seconds: number,
): Promise<GemmRates> {
  const noise = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i));
  const [a, b] = [noise(rows * inner), noise(inner * columns)];
  const rate = async (model: Uint8Array, feeds: Record<string, Tensor>): Promise<number> => {
    const session = await InferenceSession.create(model, {
      intraOpNumThreads: availableParallelism(),
      interOpNumThreads: 1,
    });
    await medianOf(() => session.run(feeds), Math.min(0.2, seconds)); // warm-up
    const ms = await medianOf(() => session.run(feeds), seconds);
    await session.release();
    return (2 * rows * inner * columns) / ms / 1e6;
  };
  const fedA = { a: new Tensor("float32", a, [rows, inner]) };
  return {
    fed: await rate(gemmModel(rows, inner, columns), { ...fedA, b: new Tensor("float32", b, [inner, columns]) }),
    initialiser: await rate(gemmModel(rows, inner, columns, b), fedA),
  };
}
