/**
 * SQLite files, for packages that keep something in one. Needs `@libsql/client`; Node only.
 *
 * @module
 */
export { type Database, type DatabaseOptions, openDatabase } from "./database.ts";
