/** SHA-256 by Node's own code, which uses the processor's instructions. The browser's counterpart is `sha256.browser.ts`. */
import { createHash } from "node:crypto";

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** SHA-256 of bytes that come in pieces. */
export function sha256Steps(): { add(bytes: Uint8Array): void; digest(): string } {
  const hash = createHash("sha256");
  return { add: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
}
