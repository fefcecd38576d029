// What the other scripts need to know of the workspace: where it is, its public packages, its Markdown files.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the workspace. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Every package that is published.
 *
 * @returns {{ folder: string; name: string }[]}
 */
export function publicPackages() {
  return readdirSync(join(root, "packages"))
    .map((name) => join(root, "packages", name))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, ...JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
    .filter((manifest) => !manifest.private)
    .map(({ folder, name }) => ({ folder, name }));
}

const skipped = new Set(["node_modules", "dist", "docs/api", ".git", ".turbo", "runs"]);

/**
 * Paths of the Markdown files, relative to the root.
 *
 * @returns {string[]}
 */
export function markdownFiles(folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (skipped.has(entry.name) || skipped.has(relative(root, path))) return [];
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith(".md") ? [relative(root, path)] : [];
  });
}
