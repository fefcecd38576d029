// Preloaded by processes of tests: `node --import "register.mjs?<URL of the folder that build.ts made>"`.
import { register } from "node:module";

const folder = new URL(import.meta.url).search.slice(1);
register("./hooks.mjs", { parentURL: import.meta.url, data: { folder } });
