/** Every architecture of this package. `loadModel` and `createModel` choose among them by `model_type`. */
import { type Architecture, asArchitecture } from "../architecture.ts";
import { bert, roberta } from "./bert/index.ts";

export { type BertConfig, bert, roberta } from "./bert/index.ts";

/** The default of `architectures`. */
export const architectures: readonly Architecture[] = [bert, roberta].map(asArchitecture);
