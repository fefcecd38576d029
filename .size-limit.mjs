import { allPackages } from "./scripts/workspace.mjs";

// What each package adds to a program, compressed: its own code and its small dependencies, without tfjs, the runtimes and
// the other packages. They are bundled for a browser, so that no Node module slips in. The limits, a little above
// the sizes, are in the field `cambium` of each `package.json`.
const bundles = allPackages()
  .filter(({ settings }) => settings.sizeLimit !== undefined)
  .map(({ name, settings }) => ({
    name,
    path: `packages/${name}/dist/index.js`,
    limit: settings.sizeLimit,
    ignore: ["@cambium/*", "@tensorflow/*", ...(settings.nodeOnly ? ["node:*"] : [])],
    modifyEsbuildConfig: (config) => ({ ...config, format: "esm" }),
  }));

export default [
  ...bundles,
  {
    name: "models of saplings",
    path: "packages/saplings/models/*/*",
    limit: "30 MB",
    brotli: false,
    disablePlugins: ["@size-limit/esbuild"],
  },
];
