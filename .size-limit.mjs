// What each package adds to a program, compressed: its own code and its small dependencies, without tfjs, the runtimes and
// the other packages. They are bundled for a browser, so that no Node module slips in. Limits stand a little above the size.
const limits = {
  kernels: "4 kB",
  core: "36 kB",
  "backend-onnx": "25 kB",
  models: "48 kB",
  train: "37 kB",
  delta: "40 kB",
  saplings: "1 kB",
  report: "220 kB",
};

/** Packages for Node only. */
const nodeOnly = ["backend-onnx"];

const bundles = Object.entries(limits).map(([name, limit]) => ({
  name,
  path: `packages/${name}/dist/index.js`,
  limit,
  ignore: ["@cambium/*", "@tensorflow/*", ...(nodeOnly.includes(name) ? ["node:*"] : [])],
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
