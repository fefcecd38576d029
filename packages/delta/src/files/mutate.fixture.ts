/** Damaged and altered adapters: each number is one of them, so that a failure is found again by its number. */
import { type Files, folder, memory } from "@cambium/base";
import { disposeParameters, type Random, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { type Tensor, memory as tensorMemory, tidy } from "@tensorflow/tfjs-core";
import { attach } from "../attach.ts";
import { named } from "../delta.ts";
import { bitFit, head, lora } from "../methods/index.ts";
import { scaled } from "../scaled.ts";
import { goldenBatch, loadGoldenBase } from "./golden.fixture.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

/** Adapters that are whole, each of another form: on BERT, by folder in `fixtures`. */
const sound = [
  "peft/bert-lora",
  "peft/bert-rslora",
  "peft/bert-ia3",
  "peft/bert-prefix",
  "peft/bert-prompt",
  "adapters/bert-dora",
  "adapters/bert-vera",
  "adapters/bert-shira",
  "adapters/bert-adalora-pruned",
  "adapters/bert-modules-layer",
  "foreign/adapters-lora",
  "foreign/adapters-double-seq-bn",
  "foreign/adapters-pickled",
  "foreign/opendelta-bert-lora",
  "foreign/opendelta-bert-bitfit",
  "foreign/opendelta-bert-compacter",
  "foreign/opendelta-bert-parallel",
  "foreign/opendelta-bert-prefix",
  "foreign/opendelta-bert-prefix-network",
  "foreign/peft-pickled",
  "foreign/peft-pickled-before-1.6",
];

const fixtures = new URL("../../fixtures/", import.meta.url);

type Folder = ReadonlyMap<string, Uint8Array>;

/** What adapters are tried on, and the adapters. */
export interface FuzzBench {
  readonly base: LanguageModel;
  readonly folders: readonly { readonly title: string; readonly content: Folder }[];
}

/** Opens the model and every sound adapter. The caller owns the model's parameters. */
export async function openFuzzBench(): Promise<FuzzBench> {
  const base = await loadGoldenBase("delta/fixtures/peft/bert");
  const read = async (files: Files): Promise<Folder> => {
    const content = new Map<string, Uint8Array>();
    for (const { name } of await files.list()) if (name !== "expected.json") content.set(name, await files.read(name));
    return content;
  };
  const folders = [];
  for (const title of sound) folders.push({ title, content: await read(folder(new URL(title, fixtures).pathname)) });
  const container = memory();
  const parts = [head(base), scaled(bitFit(base), 0.5), named("style", lora(base, { rank: 2 }, random(1)))];
  await saveAdapter(attach(base, ...parts), container, { untrained: true });
  folders.push({ title: "native", content: await read(container) });
  for (const part of parts) disposeParameters(part.parameters);
  return { base, folders };
}

/** One altered adapter. */
interface Mutant {
  readonly title: string;
  readonly files: Files;
  readonly sizeBytes: number;
}

/** The adapter of a number. */
function mutantOf({ folders }: FuzzBench, number: number): Mutant {
  const key = random(20).at(number);
  const { title, content } = folders[number % folders.length]!;
  const files = new Map(content);
  const steps: string[] = [];
  const count = 1 + pick(key.at("count"), 2);
  for (let i = 0; i < count; i++) steps.push(mutate(files, key.at(i)));
  const sizeBytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  return { title: `${number}: ${title}, ${steps.join(", ")}`, files: memory(Object.fromEntries(files)), sizeBytes };
}

const pick = (key: Random, below: number): number => key.integers(1, below)[0]!;
const oneOf = <Value>(key: Random, values: readonly Value[]): Value => values[pick(key, values.length)]!;

/** Changes one file, and says how. */
function mutate(files: Map<string, Uint8Array>, key: Random): string {
  const name = oneOf(key.at("file"), [...files.keys()]);
  const bytes = files.get(name)!.slice();
  const kinds = name.endsWith(".json") ? jsonKinds : name.endsWith(".bin") ? pickleKinds : tensorKinds;
  const kind = oneOf(key.at("kind"), Object.keys(kinds));
  const changed = kinds[kind]!(bytes, key.at("how"));
  if (changed === undefined) files.delete(name);
  else files.set(name, changed);
  return `${kind} in ${name}`;
}

type Change = (bytes: Uint8Array, key: Random) => Uint8Array | undefined;

const flip: Change = (bytes, key) => {
  if (bytes.length > 0) bytes[pick(key.at("where"), bytes.length)]! ^= 1 << pick(key.at("bit"), 8);
  return bytes;
};
const cut: Change = (bytes, key) => bytes.slice(0, pick(key, bytes.length + 1));
const remove: Change = () => undefined;

const odd: readonly unknown[] = [
  null,
  true,
  "",
  "query",
  "LORA",
  [],
  {},
  -1,
  0,
  0.5,
  1e9,
  2 ** 53,
  -(2 ** 31),
  [null],
  ["(a*)*b", "["],
  [[0, 1]],
  { query: 3 },
  { "": -1 },
  "x".repeat(5000),
];

/** Every place of a value in JSON. */
function places(value: unknown): { readonly holder: Record<string, unknown>; readonly key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...places(holder[key])]);
}

const editJson =
  (edit: (place: { holder: Record<string, unknown>; key: string }, key: Random) => void): Change =>
  (bytes, key) => {
    try {
      const json = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
      const all = places(json);
      if (all.length === 0) return bytes;
      edit(oneOf(key.at("place"), all), key);
      return new TextEncoder().encode(JSON.stringify(json));
    } catch {
      return bytes; // a former step broke it
    }
  };

const setOdd = editJson(({ holder, key: name }, key) => {
  holder[name] = oneOf(key.at("value"), odd);
});
const dropKey = editJson(({ holder, key: name }) => {
  delete holder[name];
});
const renameKey = editJson(({ holder, key: name }) => {
  holder[`${name}_`] = holder[name];
  delete holder[name];
});

const jsonKinds: Readonly<Record<string, Change>> = { flip, cut, remove, setOdd, setOdd2: setOdd, dropKey, renameKey };

/** Checksums find most changes of PyTorch's files; those of pickles with checksums that fit are core's tests. */
const pickleKinds: Readonly<Record<string, Change>> = { flip, cut, remove };

/** Changes the header of a safetensors file, its length adjusted. */
const inHeader =
  (change: Change): Change =>
  (bytes, key) => {
    if (bytes.length < 8) return bytes;
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    if (length > bytes.length - 8) return bytes;
    const header = change(bytes.slice(8, 8 + length), key) ?? new Uint8Array(0);
    const whole = new Uint8Array(8 + header.length + bytes.length - 8 - length);
    new DataView(whole.buffer).setBigUint64(0, BigInt(header.length), true);
    whole.set(header, 8);
    whole.set(bytes.subarray(8 + length), 8 + header.length);
    return whole;
  };

const lengthWord: Change = (bytes, key) => {
  if (bytes.length >= 8) {
    const value = oneOf(key, [0n, 1n, 2n ** 31n, 2n ** 62n, BigInt(bytes.length), BigInt(pick(key.at("any"), 5000))]);
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, value, true);
  }
  return bytes;
};

const notANumber: Change = (bytes, key) => {
  const length = bytes.length < 8 ? 0 : Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const floats = Math.floor((bytes.length - 8 - length) / 4);
  if (floats > 0) {
    const at = 8 + length + 4 * pick(key.at("where"), floats);
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(
      at,
      oneOf(key, [Number.NaN, Number.POSITIVE_INFINITY]),
      true,
    );
  }
  return bytes;
};

const tensorKinds: Readonly<Record<string, Change>> = {
  flip,
  cut,
  remove,
  lengthWord,
  notANumber,
  headerFlip: inHeader(flip),
  headerOdd: inHeader(setOdd),
  headerDrop: inHeader(dropKey),
  headerRename: inHeader(renameKey),
  headerCut: inHeader(cut),
};

/** What became of a mutant: its error's code, or `"loaded"`. */
interface Verdict {
  readonly outcome: string;
  /** What must not be: an error without a type, a leak, NaN, more memory than the file accounts for. */
  readonly problem?: string;
}

const typed = ["FORMAT", "FILE"];

/** What a loaded adapter gives, and how many bytes of tensors it came with. */
async function runLoaded(base: LanguageModel, files: Files, again?: Files) {
  const before = tensorMemory().numBytes;
  const delta = await loadAdapter(base, files);
  try {
    const bytes = tensorMemory().numBytes - before;
    const tuned = attach(base, delta);
    const batch = goldenBatch({ ids: [[5, 9, 14]], mask: [[1, 1, 1]] });
    const logits = tidy(() => Array.from((tuned.forward(batch).logits as Tensor).dataSync()));
    disposeFields(batch);
    if (again !== undefined) await saveAdapter(tuned, again);
    return { bytes, logits };
  } finally {
    for (const tree of [delta.parameters, delta.buffers, delta.state]) disposeParameters(tree);
  }
}

/** Loads a mutant, runs what was loaded, and saves it and loads it again, which must do the same. */
async function tryMutant({ base }: FuzzBench, { files, sizeBytes }: Mutant): Promise<Verdict> {
  const before = tensorMemory();
  const loaded = (problem?: string): Verdict => ({ outcome: "loaded", ...(problem !== undefined && { problem }) });
  try {
    const copy = memory();
    const { bytes, logits } = await runLoaded(base, files, copy);
    const back = await runLoaded(base, copy);
    // Halves become float32, and masks and norms are made beside: a few times what is stored.
    if (bytes > 8 * sizeBytes + 65536) return loaded(`${bytes} bytes of tensors`);
    if (logits.some((value, i) => !Object.is(value, back.logits[i])))
      return loaded("saved again it does something else");
    const left = tensorMemory().numTensors - before.numTensors;
    return loaded(left === 0 ? undefined : `${left} tensors are left`);
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    const left = tensorMemory().numTensors - before.numTensors;
    const problem =
      code === undefined || !typed.includes(code)
        ? `${code ?? (error as Error).name}: ${message}\n${(error as Error).stack}`
        : left === 0
          ? undefined
          : `${left} tensors are left after: ${message}`;
    return { outcome: code ?? "untyped", ...(problem !== undefined && { problem }) };
  }
}

/** Tries the adapters of some numbers, and counts what became of them. */
export async function fuzzAdapters(
  bench: FuzzBench,
  from: number,
  to: number,
): Promise<{ readonly outcomes: Readonly<Record<string, number>>; readonly problems: readonly string[] }> {
  const outcomes: Record<string, number> = {};
  const problems: string[] = [];
  for (let number = from; number < to; number++) {
    const mutant = mutantOf(bench, number);
    const { outcome, problem } = await tryMutant(bench, mutant);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (problem !== undefined) problems.push(`${mutant.title}: ${problem}`);
  }
  return { outcomes, problems };
}
