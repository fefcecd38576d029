// publint and "are the types wrong" on the packed tarballs. usage: node scripts/check-packages.mjs
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "./pack.mjs";
import { root } from "./workspace.mjs";

const target = mkdtempSync(join(tmpdir(), "cambium-pack-"));
/** Runs a tool and prints what it says when it finds a fault. */
function run(tool, ...args) {
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin", tool), args, {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) console.error(`${tool}:\n${stdout}${stderr}`);
  return status === 0;
}

const wrong = [];
for (const { name, tarball } of packAll(target)) {
  // The packages are ESM only, so what CommonJS would see is no fault.
  const sound = [
    run("publint", tarball, "--strict"),
    run("attw", tarball, "--profile", "esm-only", "--format", "ascii", "--no-emoji"),
  ];
  if (sound.includes(false)) wrong.push(name);
}
rmSync(target, { recursive: true });
console.log(wrong.length === 0 ? "every package is fit to publish" : `not fit to publish: ${wrong.join(", ")}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
