import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An unpacked Debian package. */
export interface DebianPackage {
  readonly folder: string;
  readonly version: string;
}

/**
 * Fetches a Debian package by `apt-get download` and unpacks it into the cache; nothing is installed.
 *
 * @param cache - Folder of the cache.
 * @throws {Error} Where there is no `apt-get` or the package is not known to it.
 */
export async function debianPackage(name: string, cache: string): Promise<DebianPackage> {
  await mkdir(cache, { recursive: true });
  const archive = async (): Promise<string | undefined> =>
    (await readdir(cache)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
  let file = await archive();
  if (file === undefined) {
    try {
      await run("apt-get", ["download", name], { cwd: cache });
    } catch (cause) {
      throw new Error(
        `debianPackage: apt-get could not download ${name}; on Debian or Ubuntu run "apt-get update" first`,
        { cause },
      );
    }
    file = (await archive())!;
  }
  const folder = join(cache, name);
  await run("dpkg-deb", ["-x", join(cache, file), folder]);
  return { folder, version: decodeURIComponent(file.split("_")[1]!) };
}
