/** How processes that tests start read the sources. */
import { inject } from "vitest";

const register = new URL("./children/register.mjs", import.meta.url).href;

/** Parameters of Node in front of a program in TypeScript; processes that it starts read the sources too. */
export const fromSources: readonly string[] = [
  "--conditions=@cambium/source",
  "--import",
  `${register}?${inject("children")}`,
];
