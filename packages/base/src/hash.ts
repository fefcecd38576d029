import { sha256 as sha256Here } from "#sha256";

/**
 * SHA-256 of bytes, or of a text's UTF-8 bytes: 64 hexadecimal digits, the same in Node and in a browser.
 *
 * @example
 * sha256("abc"); // "ba7816bf…"
 */
export const sha256: (content: string | Uint8Array) => string = sha256Here;
