/** Numbers over the whole range of float32: of every exponent and both signs, denser where functions bend, and special places. */
export function floats(): number[] {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const found: number[] = [];
  for (let exponent = 0; exponent < 255; exponent++)
    for (let i = 0; i < 16; i++)
      for (const sign of [0, 1]) {
        const mantissa = Math.imul(16 * exponent + i, 0x9e3779b1) >>> 9;
        bits[0] = (sign * 2 ** 31 + exponent * 2 ** 23 + mantissa) % 2 ** 32;
        found.push(float[0]!);
      }
  for (let i = -9_000; i <= 9_000; i++) found.push(Math.fround(i / 80));
  for (let i = -1_500; i <= 1_500; i++) found.push(Math.fround(i / 1_000));
  for (let i = 1; i <= 23; i++)
    for (const near of [1 - 2 ** -i, 1 + 2 ** -i]) found.push(Math.fround(near), Math.fround(-near));
  found.push(-0, 3.4028234663852886e38, -3.4028234663852886e38);
  return found;
}
