/** The npm packages whose texts the small tasks are made of: those who use a task install what it reads. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { StateError } from "@cambium/base";

const require = createRequire(import.meta.url);

const notInstalled = (name: string, cause: unknown): StateError =>
  new StateError({
    message: `loadTask: this task reads the package ${name}; install it: npm install ${name}`,
    package: name,
    cause,
  });

/**
 * Folder of an installed package.
 *
 * @throws {StateError} When it is not installed; says how.
 */
export function packageFolder(name: string): string {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch (cause) {
    throw notInstalled(name, cause);
  }
}

/** A text file of an installed package. */
export const packageFile = (name: string, file: string): Promise<string> =>
  readFile(join(packageFolder(name), file), "utf8");

/**
 * An import of an installed package.
 *
 * @throws {StateError} When it is not installed; says how.
 */
export async function imported<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  packageFolder(name);
  return load();
}
