/** The rows that tests of benchmarks read: a small part that stands here, or all of a folder that is named. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const own = fileURLToPath(new URL("../../fixtures/bfcl", import.meta.url));

/** Folder of the rows. */
const folder: string = process.env["CAMBIUM_BFCL"] ?? own;

/** A file of the folder; the first that exists of several. */
export function read(...names: readonly string[]): string {
  const found = names.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${folder} has none of ${names.join(", ")}`);
  return readFileSync(found, "utf8");
}
