// Builds the public packages from nothing and packs them as they would be published.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { publicPackages, root } from "./workspace.mjs";

/**
 * Packs every public package.
 *
 * @param {string} target - Folder for the tarballs, made when absent.
 * @returns {{ name: string; tarball: string }[]} In order of name.
 */
export function packAll(target) {
  mkdirSync(target, { recursive: true });
  const packages = publicPackages();
  // From nothing: a file whose source is gone would be packed too.
  for (const { folder } of packages) rmSync(join(folder, "dist"), { recursive: true, force: true });
  execFileSync("pnpm", ["exec", "tsc", "-b"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  return packages.map(({ folder, name }) => {
    const output = execFileSync("pnpm", ["pack", "--json", "--pack-destination", target], {
      cwd: folder,
      encoding: "utf8",
    });
    return { name, tarball: JSON.parse(output).filename };
  });
}
