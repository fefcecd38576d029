// Loads the bundles of the packages in their place, and every other TypeScript file without its types.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

let folder;
let bundles;

export function initialize(data) {
  folder = fileURLToPath(data.folder);
  bundles = JSON.parse(readFileSync(`${folder}sources.json`, "utf8"));
}

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const bundle = bundles[found.url];
  return bundle === undefined ? found : { ...found, url: bundle, format: "module" };
}

/** The JavaScript of a source, made once for all processes. */
async function withoutTypes(path) {
  const source = readFileSync(path);
  const kept = `${folder}${createHash("sha256").update(source).digest("hex")}.js`;
  if (existsSync(kept)) return readFileSync(kept);
  const { transform } = await import("esbuild");
  const { code } = await transform(source, { loader: "ts", format: "esm", target: "node20" });
  writeFileSync(`${kept}.${process.pid}`, code);
  renameSync(`${kept}.${process.pid}`, kept);
  return code;
}

export async function load(url, context, next) {
  if (!/\.m?ts$/.test(url)) return next(url, context);
  return { format: "module", source: await withoutTypes(fileURLToPath(url)), shortCircuit: true };
}
