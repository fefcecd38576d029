/** For `cambium study`: the whole study. */
import { FULL } from "./plan.ts";
import { subspaceStudy } from "./study.ts";

export default subspaceStudy(FULL);
