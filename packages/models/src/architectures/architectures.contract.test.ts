import { describe } from "vitest";
import { describeArchitecture } from "../testing/index.ts";
import { architectures } from "./index.ts";

for (const architecture of architectures) {
  describe(architecture.types.join(", "), () => describeArchitecture(architecture));
}
