// Builds the public packages and packs them as they would be published.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { publicPackages, root } from "./workspace.mjs";

/** Removes what was built from a source that is gone: it would be packed too. */
function removeStale(folder) {
  const dist = join(folder, "dist");
  if (!existsSync(dist)) return;
  for (const file of readdirSync(dist, { recursive: true })) {
    const built = /^(.*)\.(?:js|d\.ts)(?:\.map)?$/.exec(file);
    if (built !== null && !existsSync(join(folder, "src", `${built[1]}.ts`))) rmSync(join(dist, file));
  }
}

/**
 * Packs every public package.
 *
 * @param {string} target - Folder for the tarballs, made when absent.
 * @returns {{ name: string; tarball: string }[]} In order of name.
 */
export function packAll(target) {
  mkdirSync(target, { recursive: true });
  const packages = publicPackages();
  for (const { folder } of packages) removeStale(folder);
  execFileSync("pnpm", ["exec", "tsc", "-b"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const filters = packages.map(({ name }) => `--filter=${name}`);
  const output = execFileSync("pnpm", [...filters, "pack", "--json", "--pack-destination", target], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 26, // it lists every file
  });
  const tarballs = new Map(JSON.parse(output).map(({ name, filename }) => [name, filename]));
  return packages.map(({ name }) => {
    const tarball = tarballs.get(name);
    if (tarball === undefined) throw new Error(`pnpm packed no ${name}`);
    return { name, tarball };
  });
}
