import { createHash } from "node:crypto";
import { cast, clone, reshape, setBackend, type Tensor, tensor, tensor1d, tidy, variable } from "@tensorflow/tfjs-core";
import { afterEach, expect, test, vi } from "vitest";
import { fingerprint } from "./fingerprint.ts";
import { quantiseWeight } from "./quantised-weight.ts";

const made: Tensor[] = [];
afterEach(() => {
  for (const tensor of made.splice(0)) tensor.dispose();
});
const own = <T extends Tensor>(tensor: T): T => {
  made.push(tensor);
  return tensor;
};

const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

test("the fingerprint is a hash of type, shape and the hash of the elements", async () => {
  const values = Float32Array.of(1, -2, 0.5);
  const elements = sha256(new Uint8Array(values.buffer));
  expect(await fingerprint(own(tensor1d(values)))).toBe(sha256(`float32 [3] ${elements}`));
  const tree = new Map([["b", own(tensor1d(values))]]);
  expect(await fingerprint(tree)).toBe(sha256(`"b" float32 [3] ${elements}\n`));
});

test("the order of names does not count", async () => {
  const [a, b] = [own(tensor1d([1])), own(tensor1d([2]))];
  const one = new Map([["a", a] as const, ["b", b] as const]);
  const other = new Map([["b", b] as const, ["a", a] as const]);
  expect(await fingerprint(one)).toBe(await fingerprint(other));
});

test("a name, a shape, a type and any element count", async () => {
  const start = (): Tensor => own(tensor([1, 2, 3, 0], [2, 2]));
  const trees = [
    new Map([["w", start()]]),
    new Map([["v", start()]]),
    new Map([["w", own(tensor([1, 2, 3, 0], [4]))]]),
    new Map([["w", own(tensor([1, 2, 3, 0], [2, 2], "int32"))]]),
    new Map([["w", own(tensor([1, 2, 3, 2 ** -149], [2, 2]))]]),
    new Map<string, Tensor>(),
  ];
  expect(new Set(await Promise.all(trees.map(fingerprint))).size).toBe(trees.length);
});

test("NaN equals NaN, whatever its bits", async () => {
  const bits = new Float32Array(new Uint32Array([0x7fc00000, 0xffc00001, 0x3f800000]).buffer);
  expect(await fingerprint(own(tensor1d(bits)))).toBe(await fingerprint(own(tensor1d([Number.NaN, Number.NaN, 1]))));
  expect(await fingerprint(own(tensor1d(bits)))).not.toBe(await fingerprint(own(tensor1d([Number.NaN, 0, 1]))));
});

test("elements are read once for a tensor, its copies and its other shapes", async () => {
  const one = own(tensor1d([1, 2, 3, 4]));
  const copy = own(clone(one));
  const shaped = own(reshape(one, [2, 2]));
  const reads = vi.spyOn(crypto.subtle, "digest");
  await fingerprint(one);
  const first = reads.mock.calls.length;
  await fingerprint(copy);
  await fingerprint(shaped);
  await fingerprint(new Map([["w", one]]));
  expect(reads.mock.calls.length - first).toBe(3); // one for each line, none for the elements
  reads.mockRestore();
});

test("a variable that was assigned has another fingerprint", async () => {
  const value = own(variable(own(tensor1d([1, 2]))));
  const before = await fingerprint(value);
  value.assign(own(tensor1d([1, 3])));
  expect(await fingerprint(value)).not.toBe(before);
});

test("a weight in 8 bits counts by codes and scales, and is not read", async () => {
  const values = [1, -0.5, 0.25, 0.75];
  const [one, same] = [own(quantiseWeight("w", values, [2, 2])), own(quantiseWeight("w", values, [2, 2]))];
  const other = own(quantiseWeight("w", [1, -0.5, 0.25, 0.5], [2, 2]));
  const read = vi.spyOn(one, "data");
  const found = await fingerprint(one);
  expect(await fingerprint(same)).toBe(found);
  expect(await fingerprint(other)).not.toBe(found);
  expect(await fingerprint(own(clone(one)))).toBe(found); // the codes go with the values
  expect(read).not.toHaveBeenCalled();
});

test("backends agree, on what they computed as well", async () => {
  const ofBackend = async (name: string): Promise<string> => {
    await setBackend(name);
    const tree = tidy(() =>
      Object.entries({
        floats: tensor1d([0.1, Number.NaN, -3]),
        integers: cast(tensor1d([1, 2]), "int32"),
        flags: cast(tensor1d([0, 1]), "bool"),
        strings: tensor(["a", "ä"]),
      }),
    );
    const found = await fingerprint(new Map(tree));
    for (const [, tensor] of tree) tensor.dispose();
    return found;
  };
  await import("@cambium/backend-onnx");
  const onnx = await ofBackend("onnx");
  expect(await ofBackend("cpu")).toBe(onnx);
});
