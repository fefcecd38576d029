import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** Folder and version of an installed npm package. */
export async function npmPackage(name: string): Promise<{ readonly folder: string; readonly version: string }> {
  const manifest = require.resolve(`${name}/package.json`);
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  return { folder: dirname(manifest), version };
}

/** A text file of an installed npm package. */
export function npmFile(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), "utf8");
}
