// Every check of the repository: static steps two at a time, then the tests. Nothing is started after one that fails.
// usage: pnpm run ci [--without <step>]... [--only <step>]...
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { root } from "./workspace.mjs";

/** Steps in the order of their starts, the longest first, so that none is left alone at the end. */
const steps = {
  build: { command: "pnpm exec tsc -b" }, // what `pnpm run build` does package by package
  docs: { command: "pnpm run docs" },
  typecheck: { command: "pnpm run typecheck" },
  packages: { command: "node scripts/check-packages.mjs", after: ["build"] },
  snippets: { command: "node scripts/snippets.mjs --built", after: ["build"] },
  command: { command: "node apps/cli/dist/main.js --help", after: ["build"] }, // the built one starts
  size: { command: "pnpm run size", after: ["build"] },
  check: { command: "pnpm run check" },
  knip: { command: "pnpm exec knip" },
  sync: { command: "node scripts/sync-packages.mjs --check" },
  wasm: { command: "node scripts/assemble-wat.mjs --check" },
  links: { command: "node scripts/check-links.mjs" },
  sherif: { command: "pnpm exec sherif" },
  test: { command: "pnpm test", after: "all" }, // it keeps every core busy by itself
};
/** Most are of one thread; two compilers fit into the memory of a small machine. */
const AT_ONCE = 2;

const options = { without: { type: "string", multiple: true, default: [] }, only: { type: "string", multiple: true } };
const { without, only = Object.keys(steps) } = parseArgs({ options }).values;
const unknown = [...without, ...only].filter((name) => !(name in steps));
if (unknown.length > 0)
  throw new Error(`ci: no step ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}`);

const names = Object.keys(steps).filter((name) => only.includes(name) && !without.includes(name));
const start = performance.now();
const rows = [];

/** Runs a step. What it prints comes as it is when nothing else runs beside it, else in one piece at its end. */
async function run(name, alone) {
  const { command } = steps[name];
  const title = `\n=== ${name}: ${command}\n`;
  if (alone) process.stdout.write(title);
  const began = performance.now();
  const child = spawn(command, { cwd: root, shell: true, stdio: alone ? "inherit" : ["ignore", "pipe", "pipe"] });
  const pieces = [title];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece) => pieces.push(piece));
  const [status] = await once(child, "close");
  if (!alone) for (const piece of pieces) process.stdout.write(piece);
  rows.push({ name, passed: status === 0, seconds: (performance.now() - began) / 1000 });
}

const waiting = new Set(names);
const running = new Map();
/** A step that may start now: those that it comes after have ended. */
function next() {
  if (running.size === AT_ONCE || rows.some(({ passed }) => !passed)) return undefined;
  const isOpen = (name) => waiting.has(name) || running.has(name);
  return [...waiting].find((name) => {
    const { after = [] } = steps[name];
    return after === "all" ? running.size === 0 && waiting.size === 1 : !after.some(isOpen);
  });
}
for (let name = next(); name !== undefined || running.size > 0; name = next()) {
  if (name === undefined) {
    await Promise.race(running.values());
    continue;
  }
  waiting.delete(name);
  const done = run(name, running.size === 0 && waiting.size === 0).then(() => running.delete(name));
  running.set(name, done);
}

console.log("");
for (const { name, passed, seconds } of rows)
  console.log(`${passed ? "passed" : "FAILED"} ${name.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s`);
for (const name of waiting) console.log(`not run ${name}`);
console.log(`${((performance.now() - start) / 1000).toFixed(1)} s in all`);
process.exitCode = rows.every(({ passed }) => passed) ? 0 : 1;
