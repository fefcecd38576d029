import type { BlockMatrix, QuantisedMatrix } from "@cambium/kernels";
import { Tensor } from "@tensorflow/tfjs-core";
import type { Parameters } from "./parameters.ts";
import { isBlockMatrix, matrixOf } from "./quantised-weight.ts";

type Numbers = Float32Array | Int32Array | Int8Array | Uint8Array;

/** Hashes of elements, so that frozen weights are read once. Copies and other shapes of a tensor share its data. */
const known = new WeakMap<object, Promise<string>>();

async function sha256(bytes: Numbers): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const sha256OfText = (text: string): Promise<string> => sha256(new TextEncoder().encode(text));

/** NaNs have many bit patterns, which differ between backends: all become one. */
function withOneNaN(values: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return values.map((value) => (Number.isNaN(value) ? Number.NaN : value));
  }
  return values;
}

/** Elements in the type that belongs to the tensor's, whatever array a backend keeps them in. */
function toNumbers(dtype: Tensor["dtype"], values: ArrayLike<number>): Numbers {
  if (dtype === "int32") return values instanceof Int32Array ? values : Int32Array.from(values);
  if (dtype === "bool") return values instanceof Uint8Array ? values : Uint8Array.from(values);
  return withOneNaN(values instanceof Float32Array ? values : Float32Array.from(values));
}

async function hashElements(tensor: Tensor): Promise<string> {
  if (tensor.dtype === "string") return sha256OfText(JSON.stringify(await tensor.data<"string">()));
  return sha256(toNumbers(tensor.dtype, await tensor.data()));
}

/** Of codes, scales and minima. */
async function hashMatrix(matrix: QuantisedMatrix | BlockMatrix): Promise<string> {
  const parts = [
    matrix.codes,
    matrix.scales,
    ...("minima" in matrix && matrix.minima !== undefined ? [matrix.minima] : []),
  ];
  return (await Promise.all(parts.map(sha256))).join(" ");
}

/** How a matrix is held: `int8` for a scale of each channel, `blocks of 4 bits` for one of each block. */
const formOf = (matrix: QuantisedMatrix | BlockMatrix): string =>
  isBlockMatrix(matrix) ? `blocks of ${matrix.bits} bits` : "int8";

function remember(key: object, hash: () => Promise<string>): Promise<string> {
  const found = known.get(key) ?? hash();
  known.set(key, found);
  found.catch(() => known.delete(key));
  return found;
}

/** One line about a tensor: type, shape, and the hash of its elements. */
async function describeTensor(tensor: Tensor): Promise<string> {
  const matrix = matrixOf(tensor);
  if (matrix !== undefined)
    return `${formOf(matrix)} [${tensor.shape}] ${await remember(matrix, () => hashMatrix(matrix))}`;
  return `${tensor.dtype} [${tensor.shape}] ${await remember(tensor.dataId, () => hashElements(tensor))}`;
}

/**
 * What tells tensors of other values apart: a SHA-256 over names, shapes, types and elements, in hexadecimal digits. The
 * order of the names does not count. Equal on all backends.
 *
 * Elements are read and hashed once for each tensor, so frozen weights cost nothing the second time. A weight in 8 or 4
 * bits counts by its codes and scales, and no floats are made of it.
 *
 * @param parameters - A tensor, or tensors by name. Not disposed.
 * @example
 * const describe = async () => ({ base: await fingerprint(base.parameters), temperature: 2 });
 */
export async function fingerprint(parameters: Parameters | Tensor): Promise<string> {
  if (parameters instanceof Tensor) return sha256OfText(await describeTensor(parameters));
  const lines: string[] = [];
  for (const name of [...parameters.keys()].sort())
    lines.push(`${JSON.stringify(name)} ${await describeTensor(parameters.get(name)!)}\n`);
  return sha256OfText(lines.join(""));
}
