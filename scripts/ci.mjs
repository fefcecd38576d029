// Every check of the repository, in order, stopping at the first that fails.
// usage: pnpm run ci [--without <step>]... [--only <step>]...
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { root } from "./workspace.mjs";

const steps = {
  check: "pnpm run check",
  sync: "node scripts/sync-packages.mjs --check",
  wasm: "node scripts/assemble-wat.mjs --check",
  typecheck: "pnpm run typecheck",
  build: "pnpm exec tsc -b", // what `pnpm run build` does package by package
  snippets: "node scripts/snippets.mjs",
  links: "node scripts/check-links.mjs",
  sherif: "pnpm exec sherif",
  knip: "pnpm exec knip",
  packages: "node scripts/check-packages.mjs",
  size: "pnpm run size",
  docs: "pnpm run docs",
  test: "pnpm test",
};

const options = { without: { type: "string", multiple: true, default: [] }, only: { type: "string", multiple: true } };
const { without, only = Object.keys(steps) } = parseArgs({ options }).values;
const unknown = [...without, ...only].filter((name) => !(name in steps));
if (unknown.length > 0)
  throw new Error(`ci: no step ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}`);

const names = Object.keys(steps).filter((name) => only.includes(name) && !without.includes(name));
const rows = [];
for (const name of names) {
  console.log(`\n=== ${name}: ${steps[name]}`);
  const start = performance.now();
  const { status } = spawnSync(steps[name], { cwd: root, shell: true, stdio: "inherit" });
  rows.push({ name, passed: status === 0, seconds: (performance.now() - start) / 1000 });
  if (status !== 0) break;
}

console.log("");
for (const { name, passed, seconds } of rows)
  console.log(`${passed ? "passed" : "FAILED"} ${name.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s`);
for (const name of names.slice(rows.length)) console.log(`not run ${name}`);
process.exitCode = rows.every(({ passed }) => passed) ? 0 : 1;
