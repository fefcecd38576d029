import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packAll } from "../../scripts/pack.mjs";

// What a user gets: the packages as they would be published, installed by plain npm into an empty folder.

const folder = mkdtempSync(join(tmpdir(), "cambium-packed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Set when npm could not reach its registry. */
let offline: string | undefined;
let names: string[] = [];

beforeAll(() => {
  const packed = packAll(join(folder, "tarballs"));
  names = packed.map(({ name }) => name);
  const dependencies = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  const npm = spawnSync("npm", ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], {
    cwd: folder,
    encoding: "utf8",
  });
  offline = /E(NOTFOUND|AI_AGAIN|CONNREFUSED|TIMEDOUT|NOTCACHED).*/.exec(npm.stderr)?.[0];
  if (offline === undefined) expect(npm.status, npm.stderr).toBe(0);
  writeFileSync(join(folder, "main.mjs"), program(names));
});

/** Imports every package and multiplies two matrices. */
function program(packages: readonly string[]): string {
  const imports = packages.map((name, i) => `import * as package${i} from "${name}";`);
  return `${imports.join("\n")}
import { useBackend } from "@cambium/core";
import { matMul, tensor2d } from "@tensorflow/tfjs-core";
const empty = [${packages.map((name, i) => `["${name}", package${i}]`).join(", ")}].filter(([, exports]) => Object.keys(exports).length === 0);
if (empty.length > 0) throw new Error("no exports in " + empty.map(([name]) => name).join(", "));
await useBackend();
console.log(process.version, [...await matMul(tensor2d([[1, 2]]), tensor2d([[3], [4]])).data()].join());
`;
}

const binary = (version: string) => join(import.meta.dirname, `../node_modules/node-${version}/bin/node`);

test.for([
  { version: "current", node: process.execPath },
  { version: "22", node: binary("22") },
  { version: "24", node: binary("24") },
])("the packed packages load and compute on Node $version", ({ version, node }, { skip }) => {
  skip(!existsSync(node), `npm's Node ${version} binaries are installed on linux x64 only`);
  skip(offline !== undefined, `npm cannot reach its registry: ${offline}`);
  const major = version === "current" ? process.versions.node.split(".")[0] : version;
  expect(execFileSync(node, ["main.mjs"], { cwd: folder, encoding: "utf8" })).toMatch(
    new RegExp(`^v${major}\\.\\S+ 11$`, "m"),
  );
});
