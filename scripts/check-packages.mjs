// publint and "are the types wrong" on the packed tarballs. usage: node scripts/check-packages.mjs
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "./pack.mjs";
import { root } from "./workspace.mjs";

const target = mkdtempSync(join(tmpdir(), "cambium-pack-"));
const run = (tool, ...args) =>
  spawnSync(join(root, "node_modules/.bin", tool), args, { cwd: root, stdio: "inherit" }).status === 0;
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
if (wrong.length > 0) {
  console.error(`not fit to publish: ${wrong.join(", ")}`);
  process.exitCode = 1;
}
