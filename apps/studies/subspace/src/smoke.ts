/** For `cambium study`: the smallest, which shows that all parts work, and nothing else. */
import { SMOKE } from "./plan.ts";
import { subspaceStudy } from "./study.ts";

export default subspaceStudy(SMOKE);
