/** SHA-256 by Node's own code, which uses the processor's instructions. The browser's counterpart is `sha256.browser.ts`. */
import { createHash } from "node:crypto";

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
