import { readFileSync } from "node:fs";
import { type Files, folder, memory } from "@cambium/base";
import { dispose } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { random } from "../random.ts";
import { openTorchFile } from "./open.ts";
import { storedZip } from "./stored-zip.fixture.ts";
import { openStoredZip } from "./zip.ts";

const fixtures = new URL("../../fixtures/torch/", import.meta.url);
const files = folder(fixtures.pathname);
type Expected = Readonly<Record<string, { readonly shape: number[]; readonly values: (number | string)[] }>>;
const expected = JSON.parse(readFileSync(new URL("expected.json", fixtures), "utf8")) as Readonly<
  Record<string, Expected>
>;

const older = ["module", "types", "views"].map((name) => `${name}-before-1.6`);

test.each([...Object.keys(expected), ...older])("the tensors of %s.bin are those that torch saved", async (name) => {
  const saved = expected[name.replace("-before-1.6", "")]!;
  const file = await openTorchFile(files, `${name}.bin`);
  expect([...file.entries.keys()]).toEqual(Object.keys(saved));
  const loaded = await file.load();
  for (const [key, { shape, values }] of Object.entries(saved)) {
    const read = [...(await file.values(key))] as (number | bigint)[];
    expect(file.entries.get(key)!.shape).toEqual(shape);
    expect(read.map((value) => (typeof values[0] === "string" ? String(value) : Number(value)))).toEqual(values);
    const tensor = loaded.get(key)!;
    expect(tensor.shape).toEqual(shape);
    const rounded = values.map((value) => (tensor.dtype === "float32" ? Math.fround(Number(value)) : Number(value)));
    expect([...tensor.dataSync()]).toEqual(rounded);
  }
  dispose([...loaded.values()]);
});

test("a pickle of a later protocol is read as well", async () => {
  const file = await openTorchFile(files, "protocol-4.bin");
  expect([...(await file.values("weight"))]).toEqual([1, 1]);
  expect([...(await file.values("bias"))]).toEqual([0, 0, 0]);
});

test("a tensor that is not there is an error that names the nearest", async () => {
  const file = await openTorchFile(files, "module.bin");
  await expect(file.tensor("0.weigth")).rejects.toMatchObject({ code: "CONFIG", message: /is "0\.weight" meant\?/ });
});

test.each([
  ["runs", "asks for posix.system, which a dictionary of tensors does not need", "posix.system"],
  ["evaluates", "asks for __builtin__.eval,", "__builtin__.eval"],
  ["whole-module", "asks for torch.nn.modules.linear.Linear,", "torch.nn.modules.linear.Linear"],
  ["numpy-scalar", "asks for numpy._core.multiarray.scalar,", "numpy._core.multiarray.scalar"],
  ["sparse", "asks for torch._utils._rebuild_sparse_tensor,", "torch._utils._rebuild_sparse_tensor"],
  ["quantised", "asks for torch._utils._rebuild_qtensor,", "torch._utils._rebuild_qtensor"],
  ["complex", "asks for torch.ComplexFloatStorage,", "torch.ComplexFloatStorage"],
  ["float8", "asks for torch._utils._rebuild_tensor_v3,", "torch._utils._rebuild_tensor_v3"],
  ["nested", '"state_dict" is a dictionary (weight, …); save the state dict alone', undefined],
  ["number", '"step" is no tensor; save the state dict alone', undefined],
  ["tensor", "it is no dictionary of tensors", undefined],
  ["list", "it is no dictionary of tensors", undefined],
  ["expanded", 'a tensor [1000] shows the 1 numbers of the storage "0" more than once', undefined],
  ["runs-before-1.6", "asks for posix.system, which a dictionary of tensors does not need", "posix.system"],
  ["whole-module-before-1.6", "asks for torch.nn.modules.linear.Linear,", "torch.nn.modules.linear.Linear"],
  ["number-before-1.6", '"step" is no tensor; save the state dict alone', undefined],
  ["plain-pickle", "it is a pickle, and none of torch.save", undefined],
  ["plain-pickle-runs", "it is a pickle that asks for posix.system, which is never run,", "posix.system"],
  ["protocol-0", "none that tensors are pickled by", undefined],
  ["torchscript", "it is a TorchScript program", undefined],
])("refused-%s.bin is refused with the reason, and nothing of it is run", async (name, reason, asked) => {
  const error = await openTorchFile(files, `refused-${name}.bin`).catch((caught) => caught);
  expect(error).toMatchObject({ code: "FORMAT", message: expect.stringContaining(reason) });
  expect(error.message).toContain(`"refused-${name}.bin" in ${files.location}`);
  expect(error.details.global).toBe(asked);
});

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, fixtures)));
const open = (bytes: Uint8Array) => openTorchFile(memory({ "a.bin": bytes }), "a.bin");

test.each([
  { title: "empty", bytes: new Uint8Array(0), reason: "is no archive" },
  {
    title: "of a safetensors file",
    bytes: Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0),
    reason: "it begins with 08 00 00 00",
  },
  {
    title: "of Git LFS's pointer",
    bytes: text("version https://git-lfs.github.com/spec/v1\noid"),
    reason: "git lfs pull",
  },
  { title: "of a web page", bytes: text("\n<!DOCTYPE html><html>"), reason: "it is a web page" },
  { title: "cut in its middle", bytes: bytesOf("views.bin").slice(0, 1000), reason: "the file is truncated" },
  { title: "cut by one byte", bytes: bytesOf("views.bin").slice(0, -1), reason: "the file is truncated" },
  { title: "without its beginning", bytes: bytesOf("views.bin").slice(1), reason: "no archive" },
])("a file $title is refused", async ({ bytes, reason }) => {
  await expect(open(bytes)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(reason) });
});

/** The file of a module before 1.6, with bytes put in place of others. */
function changedOlder(place: (bytes: Buffer) => number, bytes: readonly number[], replaced = bytes.length): Uint8Array {
  const file = readFileSync(new URL("module-before-1.6.bin", fixtures));
  const at = place(file);
  return Uint8Array.from([...file.subarray(0, at), ...bytes, ...file.subarray(at + replaced)]);
}

test.each([
  [
    "without its last byte",
    changedOlder((file) => file.length - 1, [], 1),
    /truncated: its storages end at byte 1442 of 1441/,
  ],
  ["cut in its dictionary", changedOlder(() => 600, [], 900), "it ends within its pickle"],
  ["with a byte too many", changedOlder((file) => file.length, [0]), "1 bytes follow its last storage"],
  ["of another version", changedOlder((file) => file.indexOf("M\xe9\x03", 0, "latin1") + 1, [0xea]), "version 1002"],
  ["that marks itself as another's", changedOlder(() => 4, [0x6d]), "it is a pickle, and none of torch.save"],
  ["that lists no storages", changedOlder((file) => file.lastIndexOf("(X"), [0x65], 0), /takes more than there is/],
])("a file before 1.6 %s is refused", async (_, bytes, reason) => {
  await expect(open(bytes)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringMatching(reason) });
});

test("a count before the numbers of a storage that is not the dictionary's is found when the storage is read", async () => {
  const file = await open(changedOlder((bytes) => bytes.lastIndexOf("e.") + 2, [7]));
  expect([...(await file.values("0.bias"))]).toHaveLength(2);
  await expect(file.load()).rejects.toThrow(/the storage "\d+" has 7 numbers, and its dictionary says \d/);
});

test("texts of Python 2 in a file before 1.6 are read as texts", async () => {
  const names = (bytes: Buffer): number => bytes.indexOf("X\x08\x00\x00\x000.weight");
  const file = await open(changedOlder(names, [0x55, 8], 5));
  expect([...(await file.values("0.weight"))]).toEqual(expected["module"]!["0.weight"]!.values);
});

test("a storage that is named as the whole of itself, as PyTorch before 0.4.1 did, is read, and a part of one is refused", async () => {
  const none = (bytes: Buffer): number => bytes.indexOf("K\x06Ntq") + 2;
  const named = (from: number): Uint8Array => changedOlder(none, [0x55, 1, 0x61, 0x4b, from, 0x4b, 6, 0x87], 1);
  const file = await open(named(0));
  expect([...(await file.values("0.weight"))]).toEqual(expected["module"]!["0.weight"]!.values);
  await expect(open(named(1))).rejects.toThrow(/names a part of the storage/);
});

test("pickles that do not end in the first part of a file before 1.6 are read in more of it", async () => {
  const text = new TextEncoder().encode("x".repeat(1_200_000)); // the name of a tensor
  const length = [...new Uint8Array(Uint32Array.of(text.length).buffer)];
  const names = (bytes: Buffer): number => bytes.indexOf("X\x08\x00\x00\x000.weight");
  const bytes = changedOlder(names, [0x58, ...length, ...text], 13);
  const reads: number[] = [];
  const source = memory({ "a.bin": bytes });
  const file = await openTorchFile(
    {
      ...source,
      location: "here",
      list: () => source.list(),
      read(name, range) {
        reads.push(range!.to - range!.from);
        return source.read(name, range);
      },
    },
    "a.bin",
  );
  expect(reads).toEqual([8, 1_000_000, bytes.length]);
  expect([...file.entries.keys()].map((name) => name.length)).toContain(1_200_000);
});

test("a changed number is found by the checksum", async () => {
  const bytes = bytesOf("views.bin");
  const at = bytes.findIndex((_, i) => new DataView(bytes.buffer, i).getFloat32(0, true) === 23 / 8);
  bytes[at]! ^= 1;
  const file = await open(bytes);
  await expect(file.values("whole")).rejects.toMatchObject({
    code: "FORMAT",
    message: /checksum of "views\/data\/\d"/,
  });
});

/** The files in an archive. */
async function contentOf(name: string): Promise<Record<string, Uint8Array>> {
  const zip = await openStoredZip(files, name, (problem) => new Error(problem) as never);
  const content: Record<string, Uint8Array> = {};
  for (const inner of zip.names) content[inner] = await zip.read(inner);
  return content;
}

test.each([
  [
    "a compressed file",
    (zip: Uint8Array) => zip.fill(8, zip.length - 22 - 62 + 10, zip.length - 22 - 62 + 11),
    "is compressed",
  ],
  [
    "an encrypted one",
    (zip: Uint8Array) => zip.fill(1, zip.length - 22 - 62 + 8, zip.length - 22 - 62 + 9),
    "is encrypted",
  ],
])("%s in an archive is refused", async (_, change, reason) => {
  const zip = storedZip({ "archive/data.pkl": new Uint8Array(3) });
  await expect(open(change(zip))).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(reason) });
});

test.each([
  ["big", 'byte order "big"'],
  ["", 'byte order ""'],
])("numbers in the byte order %j are refused", async (order, reason) => {
  const content = await contentOf("module.bin");
  const changed = storedZip({ ...content, "module/byteorder": new TextEncoder().encode(order) });
  await expect(open(changed)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(reason) });
});

test("a storage that is missing, or of another size, is told", async () => {
  const { "module/data/0": first, ...others } = await contentOf("module.bin");
  await expect(open(storedZip(others))).rejects.toThrow('the storage "0" is missing');
  const short = storedZip({ ...others, "module/data/0": first!.slice(4) });
  await expect(open(short)).rejects.toThrow('the storage "0" has 20 bytes, and 6 numbers of F32 take 24');
});

/** Bytes changed, put in, taken out, doubled or cut off. */
function mutate(bytes: Uint8Array, key: ReturnType<typeof random>): Uint8Array {
  const below = (label: string, limit: number): number => key.at(label).integers(1, Math.max(1, limit))[0]!;
  const at = below("at", bytes.length);
  const length = 1 + below("length", 8);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  const noise = Uint8Array.from(key.at("noise").integers(length, 256));
  const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
  switch (below("kind", 6)) {
    case 0: {
      const flipped = bytes.slice();
      if (flipped.length > 0) flipped[at]! ^= 1 << below("bit", 8);
      return flipped;
    }
    case 1:
      return join(before, noise, after.subarray(length));
    case 2:
      return join(before, noise, after);
    case 3:
      return join(before, after.subarray(length));
    case 4:
      return join(before, after.subarray(0, length), after);
    default:
      return before.slice();
  }
}

/** What became of it: every tensor was read, or an error with a type. */
async function outcomeOf(source: Files, limit: number): Promise<string> {
  try {
    const file = await openTorchFile(source, "a.bin");
    for (const [key, { sizeBytes }] of file.entries) {
      if (sizeBytes > limit) return `"${key}" would have ${sizeBytes} bytes`;
      await file.values(key);
    }
    return "read";
  } catch (error) {
    const { code } = error as { readonly code?: string };
    return code === "FORMAT" || code === "FILE" ? code : String((error as Error).stack);
  }
}

test("changed pickles with checksums that fit, and changed archives, give typed errors or are read", async () => {
  const counts: Record<string, number> = {};
  for (const [i, name] of ["module", "types", "views"].entries()) {
    const content = await contentOf(`${name}.bin`);
    const pickle = content[`${name}/data.pkl`]!;
    const whole = bytesOf(`${name}.bin`);
    for (let number = 0; number < 400; number++) {
      const key = random(5).at(i).at(number);
      const changed =
        number % 4 === 3 ? mutate(whole, key) : storedZip({ ...content, [`${name}/data.pkl`]: mutate(pickle, key) });
      const outcome = await outcomeOf(memory({ "a.bin": changed }), 2 * whole.length);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
  }
  expect(Object.keys(counts).sort()).toEqual(["FORMAT", "read"]);
  expect(counts["read"]).toBeGreaterThan(50); // bytes of names, of attributes, between files
  expect(counts["FORMAT"]).toBeGreaterThan(600);
});

test("changed files before 1.6 give typed errors or are read", async () => {
  const counts: Record<string, number> = {};
  for (const [i, name] of older.entries()) {
    const whole = bytesOf(`${name}.bin`);
    for (let number = 0; number < 300; number++) {
      const changed = mutate(whole, random(6).at(i).at(number));
      const outcome = await outcomeOf(memory({ "a.bin": changed }), 2 * whole.length);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
  }
  expect(Object.keys(counts).sort()).toEqual(["FORMAT", "read"]);
  expect(counts["read"]).toBeGreaterThan(50); // bytes of names and of numbers, which have no checksums
  expect(counts["FORMAT"]).toBeGreaterThan(450);
});
