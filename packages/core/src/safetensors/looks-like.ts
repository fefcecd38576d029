/**
 * What a file is that is no file of weights, by its first bytes, with what to do; undefined for what is not known. These stand in
 * place of weights most often.
 *
 * @param first - At least eight bytes.
 */
export function looksLike(first: Uint8Array): string | undefined {
  const text = new TextDecoder("latin1").decode(first).replace(/^\s+/, "").toLowerCase();
  if (text.startsWith("version "))
    return "it is a pointer of Git LFS in place of the file; fetch the file by git lfs pull";
  if (["<!doct", "<html", "<?xml"].some((start) => text.startsWith(start)))
    return "it is a web page, such as an error or a login; download the file again";
  return undefined;
}

/** Whether a file begins as a zip archive does. */
export function isZip([a, b, c, d]: Uint8Array): boolean {
  return a === 0x50 && b === 0x4b && c === 0x03 && d === 0x04;
}
