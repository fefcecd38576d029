/**
 * Python's huggingface_hub reads what this library keeps, and the other way round. Runs where a Python is at hand that has
 * it: `CAMBIUM_PYTHON` names one, else `python3` is tried.
 */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { hasFile } from "./files.ts";
import { hub } from "./hub.ts";
import { useEmptyHome } from "./hub-home.fixture.ts";
import { bytes, type FakeRepository, serveHub } from "./hub-server.fixture.ts";

const python = process.env["CAMBIUM_PYTHON"] || "python3";
const isThere = ((): boolean => {
  try {
    execFileSync(python, ["-c", "import huggingface_hub"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // no Python, or no huggingface_hub
  }
})();

const A = "a".repeat(40);
const weights = Uint8Array.from({ length: 5_000 }, (_, i) => (i * i) % 251);
const files = { "config.json": '{"a": 1}', "onnx/größe 1.bin": weights, empty: "", "more.bin": weights.subarray(1) };
const repository = (): FakeRepository => ({ commits: { [A]: files }, revisions: { main: A, "refs/pr/1": A } });

const home = useEmptyHome();

/** What a Python program prints last, as JSON. */
async function run(script: string, endpoint: string): Promise<unknown> {
  const others = Object.entries(process.env).filter(([, value]) => value !== ""); // Python takes "" for a path
  const own = { HF_HOME: home.path, HF_ENDPOINT: endpoint, HF_HUB_DISABLE_PROGRESS_BARS: "1" };
  const environment = { ...Object.fromEntries(others), ...own };
  const lines = `import json\nfrom huggingface_hub import *\n${script}`;
  const { stdout } = await promisify(execFile)(python, ["-c", lines], { env: environment });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

test.runIf(isThere)("what this library keeps, Python finds without a network and in order", async () => {
  const { url, close } = await serveHub(repository());
  const opened = hub("org/name", { endpoint: url, revision: "refs/pr/1" });
  for (const { name } of await opened.list()) await opened.read(name);
  await hub("org/name", { endpoint: url }).read("config.json");
  await close();
  const script = `
folder = snapshot_download("org/name", revision="refs/pr/1", local_files_only=True)
read = lambda name: open(hf_hub_download("org/name", name, local_files_only=True), "rb").read()
found = scan_cache_dir()
[repo] = found.repos
[revision] = repo.revisions
print(json.dumps({
  "sizes": {name: len(read(name)) for name in ${JSON.stringify(Object.keys(files))}},
  "sum": sum(i * b for i, b in enumerate(read("onnx/größe 1.bin"))),
  "refs": sorted(revision.refs), "commit": revision.commit_hash, "snapshot": folder.rsplit("/", 1)[1],
  "files": len(revision.files), "blobs": repo.nb_files, "bytes": repo.size_on_disk,
  "warnings": [str(each) for each in found.warnings],
}))`;
  const sizes = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, bytes(content).length]));
  expect(await run(script, "http://127.0.0.1:1")).toEqual({
    sizes,
    sum: weights.reduce((sum, value, i) => sum + i * value, 0),
    ...{ refs: ["main", "refs/pr/1"], commit: A, snapshot: A, files: 4, blobs: 4, warnings: [] },
    bytes: Object.values(sizes).reduce((sum, size) => sum + size, 0),
  });
});

test.runIf(isThere)("what Python keeps is found without a network, and known to be all", async () => {
  const { url, seen } = await serveHub(repository());
  await run(`snapshot_download("org/name", ignore_patterns="more.bin"); print("{}")`, url);
  const before = seen.length;
  const opened = hub("org/name", { endpoint: url, offline: true });
  expect(await opened.read("onnx/größe 1.bin")).toEqual(weights);
  expect(await opened.read("empty")).toEqual(new Uint8Array(0));
  expect((await opened.list()).map(({ name }) => name)).toEqual(Object.keys(files).sort());
  expect(await hasFile(opened, "tokenizer.json")).toBe(false);
  await expect(opened.read("more.bin")).rejects.toThrow("offline mode is on");
  expect(seen).toHaveLength(before);
});

test.runIf(isThere)("Python and this library take turns in one cache, and nothing is fetched twice", async () => {
  const { url, stored } = await serveHub(repository());
  await hub("org/name", { endpoint: url }).read("more.bin");
  await run(
    `hf_hub_download("org/name", "more.bin"); hf_hub_download("org/name", "onnx/größe 1.bin"); print("{}")`,
    url,
  );
  expect(await hub("org/name", { endpoint: url }).read("onnx/größe 1.bin")).toEqual(weights);
  expect(stored.filter(({ line }) => line.startsWith("GET"))).toHaveLength(2);
});
