import { createRequire } from "node:module";
import { dirname } from "node:path";
import { StateError } from "@cambium/base";

/**
 * A package that is installed only by those who use the tool in question.
 *
 * @throws {StateError} When it is not there; says how to install it.
 */
export async function optional<Module>(tool: string, name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw cause;
    throw new StateError({
      message: `${tool}: the package ${name} is not installed; run "npm install ${name}"`,
      name,
      cause,
    });
  }
}

/**
 * The folder of a package whose files are read by path.
 *
 * @throws {StateError} When it is not installed; says how to install it.
 */
export async function packageFolder(tool: string, name: string): Promise<string> {
  const found = createRequire(import.meta.url);
  return dirname(await optional(tool, name, async () => found.resolve(`${name}/package.json`)));
}
