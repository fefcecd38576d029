/**
 * What every package of Cambium stands on, without tensors: errors and their one vocabulary of codes, configurations
 * checked strictly, JSON, hashes, the end of a run, and folders of files wherever they live. SQLite is the subpath
 * `@cambium/base/sqlite`.
 *
 * @module
 */
export { parseConfig } from "./config.ts";
export { directory } from "./directory.ts";
export {
  CambiumError,
  CancelledError,
  ConfigError,
  type ErrorCode,
  type ErrorDetails,
  FileError,
  FormatError,
  ShapeError,
  StateError,
  StoreError,
} from "./errors.ts";
export {
  type ByteRange,
  checkName,
  checkRange,
  collectBytes,
  type FileContent,
  type FileErrorReason,
  type Files,
  fileSize,
  hasFile,
  isMissingFile,
  memory,
} from "./files.ts";
export { sha256 } from "./hash.ts";
export type { HttpOptions, Progress } from "./http.ts";
export { hub } from "./hub.ts";
export type { HubOptions } from "./hub-options.ts";
export { canonicalJson, type Json, type JsonObject } from "./json.ts";
export { nearest } from "./nearest.ts";
export { folder, openFiles } from "./open-files.ts";
export { checkOptions } from "./options.ts";
export { readJson } from "./read-json.ts";
export { remote } from "./remote.ts";
export type { RetryOptions } from "./retry.ts";
export { type RunEvent, result } from "./run.ts";
export { yieldTurn } from "./yield-turn.ts";
