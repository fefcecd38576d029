/** What a path means in Node: a folder on disk. The browser's counterpart is `open-folder.browser.ts`. */
export { folder, folder as openFolder } from "./folder.ts";
