import { type Architecture, asArchitecture } from "../architecture.ts";
import * as all from "./all.ts";

export * from "./all.ts";

/** The architectures of this package: the default of every option of this name. */
export const architectures: readonly Architecture[] = Object.values(all).map((each) => asArchitecture(each as never));
