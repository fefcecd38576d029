/** Chooses backends where `onnxruntime-node` cannot be found, and prints what `useBackend` says, as JSON. */
import Module from "node:module";

type Resolve = (request: string, ...rest: unknown[]) => string;
const loader = Module as unknown as { _resolveFilename: Resolve };
const resolve = loader._resolveFilename;
loader._resolveFilename = (request, ...rest) => {
  if (!request.startsWith("onnxruntime-node")) return resolve.call(Module, request, ...rest);
  throw Object.assign(new Error(`Cannot find module '${request}'`), { code: "MODULE_NOT_FOUND" });
};

const { useBackend } = await import("@cambium/core");
const explicit = await useBackend("onnx").then(
  ({ backend }) => backend,
  (error: Error) => error.message,
);
console.log(JSON.stringify({ explicit, automatic: await useBackend() }));
