/**
 * Spec files of tfjs-core's own suite and a backend in one file. They have to share one copy of tfjs-core, and the specs
 * import its inner files, so everything is bundled from `dist`: the specs, tfjs-core and the backend.
 */
import { mkdtempSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const require = createRequire(import.meta.url);

/** The folder of an installed package. */
const folderOf = (name: string): string => dirname(require.resolve(`${name}/package.json`));

const DIST = join(folderOf("@tensorflow/tfjs-core"), "dist");

/** Backends that the suite runs on, and what registers each. */
const BACKENDS = {
  onnx: 'export { backendReport } from "@cambium/backend-onnx";',
  cpu: 'import "@tensorflow/tfjs-backend-cpu";',
  wasm: `import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
    setWasmPaths("${folderOf("@tensorflow/tfjs-backend-wasm")}/dist/");`,
} as const;

/** A backend that the suite runs on. */
export type BackendName = keyof typeof BACKENDS;

/** Their names. */
export const BACKEND_NAMES = Object.keys(BACKENDS) as readonly BackendName[];

/** The global variable that names the spec file being loaded. */
export const CURRENT_FILE = "__conformanceFile";

/** Spec files of tfjs-core, relative to its `dist`, in alphabetical order. */
export function specFiles(): string[] {
  return readdirSync(DIST, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith("_test.js"))
    .sort();
}

/** Modules given by their text. Imports are evaluated in order, so they can say what the next one is. */
function virtualModules(modules: ReadonlyMap<string, string>): Plugin {
  return {
    name: "virtual",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^virtual:/ }, ({ path }) => ({ path, namespace: "virtual" }));
      onLoad({ filter: /.*/, namespace: "virtual" }, ({ path }) => ({
        contents: modules.get(path)!,
        resolveDir: import.meta.dirname,
      }));
    },
  };
}

/**
 * Bundles spec files with a backend.
 *
 * @returns Path of a CommonJS file. Requiring it declares the specs; it exports the backend's `backendReport`, where it
 *   has one.
 */
export async function bundleSuite(backend: BackendName, files: readonly string[]): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), "conformance-")), "suite.cjs");
  const environment = JSON.stringify({ name: backend, backendName: backend, isDataSync: true });
  const modules = new Map([
    ["virtual:environment", `import { setTestEnvs } from "${DIST}/jasmine_util"; setTestEnvs([${environment}]);`],
    ...files.map((file) => [`virtual:${file}`, `globalThis.${CURRENT_FILE} = "${file}";`] as const),
  ]);
  const imports = [
    `${DIST}/register_all_gradients`,
    `${DIST}/public/chained_ops/register_all_chained_ops`,
    "virtual:environment",
    ...files.flatMap((file) => [`virtual:${file}`, `${DIST}/${file}`]),
  ];
  await build({
    stdin: {
      contents: [BACKENDS[backend], ...imports.map((path) => `import "${path}";`)].join("\n"),
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    platform: "node",
    format: "cjs",
    outfile,
    conditions: ["@cambium/source"],
    mainFields: ["module", "main"],
    // tfjs-core declares its gradients and its chained operations free of side effects.
    ignoreAnnotations: true,
    // The backend looks for its native runtime from its own folder.
    define: { "import.meta.url": JSON.stringify(pathToFileURL(`${folderOf("@cambium/backend-onnx")}/package.json`)) },
    plugins: [virtualModules(modules)],
    logLevel: "error",
  });
  return outfile;
}
