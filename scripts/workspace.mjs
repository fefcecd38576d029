// What the other scripts need to know of the workspace: where it is, its public packages, its Markdown files.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the workspace. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * What a package says about itself in the field `cambium` of its `package.json`.
 *
 * @typedef {object} Settings
 * @property {string[]} below - Packages that it may depend on; it may also depend on what those may, and on `base`.
 * @property {string} [sizeLimit] - Of what it adds to a program, compressed, such as `"8 kB"`.
 * @property {boolean} [nodeOnly] - Whether it may use Node's modules.
 */

/**
 * Every package: its folder's name and path, its `package.json`, its settings, and the packages of ours that it depends on.
 *
 * @returns {{ name: string; folder: string; manifest: any; settings: Settings; dependencies: string[] }[]} In order of name.
 */
export function allPackages() {
  return readdirSync(join(root, "packages"))
    .filter((name) => existsSync(join(root, "packages", name, "package.json")))
    .sort()
    .map((name) => {
      const folder = join(root, "packages", name);
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const settings = manifest.cambium;
      if (!Array.isArray(settings?.below)) {
        throw new Error(
          `packages/${name}/package.json: "cambium" must say what may be imported, as in { "below": ["core"], "sizeLimit": "8 kB" }`,
        );
      }
      const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
        .filter((dependency) => dependency.startsWith("@cambium/"))
        .map((dependency) => dependency.replace("@cambium/", ""));
      return { name, folder, manifest, settings, dependencies };
    });
}

/**
 * Every package that is published.
 *
 * @returns {{ folder: string; name: string }[]}
 */
export function publicPackages() {
  return allPackages()
    .filter(({ manifest }) => !manifest.private)
    .map(({ folder, manifest }) => ({ folder, name: manifest.name }));
}

/**
 * What each package may depend on: what stands in its `below`, what those may depend on, and `base`.
 *
 * @param {ReadonlyMap<string, readonly string[]>} below
 * @returns {Map<string, Set<string>>}
 */
export function allowedDependencies(below) {
  /** @type {(name: string, above: readonly string[]) => string[]} */
  const collect = (name, above) => {
    if (above.includes(name)) throw new Error(`packages depend in a circle: ${[...above, name].join(" > ")}`);
    const next = below.get(name);
    if (next === undefined) throw new Error(`"below" of ${above.at(-1)} names ${name}, which is no package`);
    return next.flatMap((inner) => [inner, ...collect(inner, [...above, name])]);
  };
  return new Map(
    [...below.keys()].map((name) => [name, new Set([...collect(name, []), ...(name === "base" ? [] : ["base"])])]),
  );
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
