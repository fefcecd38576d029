// Writes what follows from the packages' own files: project references, the dependencies of `tests`, the README's table.
// usage: node scripts/sync-packages.mjs [--check]   With --check nothing is written; what is out of date is listed.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allowedDependencies, allPackages, root } from "./workspace.mjs";

const packages = allPackages();
const stale = [];
const { check } = parseArgs({ options: { check: { type: "boolean", default: false } } }).values;

const read = (path) => readFileSync(join(root, path), "utf8");

function update(path, content) {
  stale.push(path);
  if (!check) writeFileSync(join(root, path), content);
}

const same = (a, b) => [...a].sort().join() === [...b].sort().join();

/** Sets a project's references, one a line; those that stay keep their order, so that changes elsewhere merge. */
function updateReferences(path, wanted) {
  const config = JSON.parse(read(path));
  const present = (config.references ?? []).map((reference) => reference.path);
  if (same(present, wanted)) return;
  const ordered = [...present.filter((to) => wanted.includes(to)), ...wanted.filter((to) => !present.includes(to))];
  const text = JSON.stringify({ ...config, references: ordered.map((to) => ({ path: to })) }, null, 2);
  update(path, `${text.replace(/\{\s*("path": "[^"]*")\s*\}/g, "{ $1 }")}\n`);
}

/** Apps that are compiled: the command, and what it needs of them. */
const builtApps = ["cli", "problem-families"];
updateReferences("tsconfig.json", [...packages.map(({ name }) => `packages/${name}`), "apps/cli"]);
for (const app of builtApps) {
  const { dependencies } = JSON.parse(read(`apps/${app}/package.json`));
  const ours = Object.keys(dependencies).filter((name) => name.startsWith("@cambium/"));
  updateReferences(
    `apps/${app}/tsconfig.json`,
    ours
      .map((name) => name.replace("@cambium/", ""))
      .map((name) => `${builtApps.includes(name) ? ".." : "../../packages"}/${name}`),
  );
}
for (const { name, dependencies } of packages) {
  updateReferences(
    `packages/${name}/tsconfig.json`,
    dependencies.map((dependency) => `../${dependency}`),
  );
}

// The snippets of the documentation import any package, and are compiled as a part of `tests`.
const tests = JSON.parse(read("tests/package.json"));
const missing = packages.map(({ manifest }) => manifest.name).filter((name) => !(name in tests.devDependencies));
if (missing.length > 0) {
  const added = Object.fromEntries(missing.map((name) => [name, "workspace:^"]));
  const all = Object.entries({ ...tests.devDependencies, ...added }).sort(([a], [b]) => (a < b ? -1 : 1));
  update("tests/package.json", `${JSON.stringify({ ...tests, devDependencies: Object.fromEntries(all) }, null, 2)}\n`);
}

// From the ground up: a package stands below all that may depend on it.
const allowed = allowedDependencies(new Map(packages.map(({ name, settings }) => [name, settings.below])));
const rows = packages
  .filter(({ manifest }) => !manifest.private)
  .sort((a, b) => allowed.get(a.name).size - allowed.get(b.name).size || (a.name < b.name ? -1 : 1))
  .map(({ name, manifest }) => `| [\`${name}\`](packages/${name}/README.md) | ${manifest.description} |`);
const readme = read("README.md");
const table = /(?<=^<!-- packages: from their package\.json, by pnpm fix -->\n)[\s\S]*?(?=^<!-- \/packages -->)/m;
if (!table.test(readme)) throw new Error("README.md: the marks around the table of packages are gone");
const synced = readme.replace(table, () => `${["| package | is |", "|---|---|", ...rows].join("\n")}\n`);
if (synced !== readme) update("README.md", synced);

if (stale.length > 0) console.log(`${check ? "out of date, run pnpm fix" : "updated"}: ${stale.join(", ")}`);
if (check && stale.length > 0) process.exitCode = 1;
