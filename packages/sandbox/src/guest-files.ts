import { readFile } from "node:fs/promises";

/** The folder of the package with what runs in workers, children and guests; the same from `src` and from `dist`. */
const FOLDER = new URL("../guest/", import.meta.url);

/** Parts of the maths kit, in the order in which they are loaded. */
const KIT = ["rational", "integers", "polynomial", "matrix", "statistics"];

/** Address of a file of the folder. */
export const guestFile = (name: string): URL => new URL(name, FOLDER);

/** The script that prepares a JavaScript guest. */
export const readPrelude = (): Promise<string> => readFile(guestFile("prelude.js"), "utf8");

/** The scripts of the maths kit. */
export const readKit = (): Promise<readonly string[]> =>
  Promise.all(KIT.map((name) => readFile(guestFile(`kit/${name}.js`), "utf8")));
