/**
 * Chooses the backend that the first parameter names, makes a tensor, and prints what `useBackend` says, as JSON. Packages
 * that further parameters name as `package=file` come from files beside this one.
 */
import { register } from "node:module";

const [choice, ...fakes] = process.argv.slice(2);
const urls = Object.fromEntries(
  fakes.map((fake) => {
    const [name, file] = fake.split("=") as [string, string];
    return [name, new URL(file, import.meta.url).href];
  }),
);
const hooks = `export const resolve = (name, context, next) => {
  const url = ${JSON.stringify(urls)}[name];
  return url === undefined ? next(name, context) : { url, shortCircuit: true };
};`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const { useBackend } = await import("@cambium/core");
const { tensor1d } = await import("@tensorflow/tfjs-core");
const runtime = await useBackend(choice as "auto").catch((error: Error) => ({ error: error.message }));
const sum = "error" in runtime ? undefined : [...tensor1d([1, 2]).dataSync()];
console.log(JSON.stringify({ ...runtime, sum }));
