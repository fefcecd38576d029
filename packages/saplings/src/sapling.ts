import { ConfigError, type Files, openFiles } from "@cambium/base";
import { type SaplingName, type SaplingVersion, saplings } from "./catalog.ts";

/** Which of a model's versions. */
export interface SaplingOptions {
  /** Of encoders, 1 was trained on books, speeches and dictionaries, and 2 continues from it with e-mail. @default 1 */
  readonly version?: SaplingVersion;
}

/** Where a folder of this package is: a path in Node, an address in a browser. */
function locate(folder: string): string {
  const url = new URL(folder, import.meta.url);
  if (url.protocol !== "file:") return url.href;
  return decodeURIComponent(url.pathname).replace(/^\/([A-Za-z]:)/, "$1"); // Windows: /C:/… is C:/…
}

/**
 * The folder of a pretrained model, which `loadModel` and `loadTokenizer` take: `config.json`, `model.safetensors`
 * (16-bit floats), `tokenizer.json` and its model card, `README.md`.
 *
 * In Node the files are read from the installed package. In a browser they are fetched from beside this module, so
 * serve the package as it is; where a bundler moves the module, serve its `models` folder and pass that address to
 * `loadModel` instead.
 *
 * @throws {ConfigError} When there is no such model or version; names those that exist.
 * @example
 * const model = await loadModel(sapling("bert-4x256"));
 */
export function sapling(name: SaplingName, { version = 1 }: SaplingOptions = {}): Files {
  if (!saplings.some((info) => info.name === name && info.version === version)) {
    const known = saplings.map((info) => `${info.name} version ${info.version}`).join(", ");
    throw new ConfigError({
      message: `sapling: there is no ${name} version ${version}; there are ${known}`,
      name,
      version,
    });
  }
  return openFiles(locate(`../models/${name}-v${version}/`));
}
