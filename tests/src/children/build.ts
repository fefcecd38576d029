/**
 * Global set-up: bundles the packages once, for the many processes that tests start. Such a process would load some 1,300
 * source files through a loader thread; it loads a few dozen bundles. `hooks.mjs` puts them in the sources' place.
 *
 * In a bundle `import.meta.url` is that of the source file, so that models, workers and WebAssembly are found beside it;
 * and what comes from `node_modules` is imported from where the source file would find it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { TestProject } from "vitest/node";
import { allPackages, root } from "../../../scripts/workspace.mjs";

declare module "vitest" {
  export interface ProvidedContext {
    /** URL of the folder with the bundles, and `sources.json`, which says what stands for which source file. */
    readonly children: string;
  }
}

/** Source files that packages export. */
const exported = allPackages().flatMap(({ folder, manifest }) =>
  Object.values<Record<string, string>>(manifest.exports)
    .map((conditions) => conditions["@cambium/source"])
    .filter((file) => file !== undefined)
    .map((file) => join(folder, file)),
);

/** A program of many files. */
const cli = join(root, "apps/cli/src/main.ts");

/** Keeps every file where it is, but for those that are bundled. */
const inPlace: Plugin = {
  name: "in place",
  setup({ onLoad, onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind === "entry-point" || pluginData === inPlace) return;
      if (path.startsWith("node:")) return { external: true };
      const found = await resolve(path, { kind, resolveDir, pluginData: inPlace });
      if (found.errors.length > 0) return { external: true }; // an optional package that is not there
      if (!found.path.includes("node_modules")) return found;
      return { path: kind === "require-call" ? found.path : pathToFileURL(found.path).href, external: true };
    });
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: `const sourceURL = ${JSON.stringify(pathToFileURL(path).href)}; ${readFileSync(path, "utf8").replace(/^#!.*/, "")}`,
      loader: "ts",
    }));
  },
};

export default async function bundlePackages(project: TestProject): Promise<() => void> {
  const outdir = mkdtempSync(join(tmpdir(), "cambium-children-"));
  const { metafile } = await build({
    entryPoints: [...exported, cli],
    outdir,
    outbase: root,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@cambium/source"],
    define: { "import.meta.url": "sourceURL" },
    ignoreAnnotations: true, // Node runs every module that is imported
    plugins: [inPlace],
    absWorkingDir: root,
    metafile: true,
    logLevel: "error",
  });
  const urlOf = (path: string): string => pathToFileURL(join(root, path)).href;
  const sources = Object.entries(metafile.outputs).flatMap(([path, { entryPoint }]) =>
    entryPoint === undefined ? [] : [[urlOf(entryPoint), urlOf(path)]],
  );
  writeFileSync(join(outdir, "sources.json"), JSON.stringify(Object.fromEntries(sources)));
  project.provide("children", `${pathToFileURL(outdir).href}/`);
  return () => rmSync(outdir, { recursive: true });
}
