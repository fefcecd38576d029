/** What others wrote is read in time in proportion to its length: where that does not hold, each of these takes seconds. */
import { expectLinear } from "@cambium/testing";
import { expect, test } from "vitest";
import { ask, testContext } from "../open-models.fixture.ts";
import { scrubJson } from "../sources/cassette/scrub.ts";
import { answerByPolicy } from "../sources/written-reply.ts";
import { fileFromWire } from "./files.ts";

const LENGTH = 200_000;

test.each(["a", ";", "a;", ";base64", "="])("the address of a file with many %j", async (unit) => {
  await expectLinear((length) => {
    const url = `data:${unit.repeat(length / unit.length)}`;
    try {
      fileFromWire({ type: "image_url", image_url: { url } });
    } catch {} // it need not be an address
  }, LENGTH);
});

test.each(["eyJ-", "eyJaaaaaaaa.", "sk-", "sk-a-", "bearer ", " ", "api_key=", "xoxb-"])(
  "a text to scrub with many %j",
  async (unit) => {
    await expectLinear((length) => scrubJson(unit.repeat(length / unit.length), []), LENGTH);
  },
);

test.each([" ", "\n", "a", "a "])("a written reply with many %j, in words", async (unit) => {
  await expectLinear(async (length) => {
    const text = unit.repeat(length / unit.length);
    let joined = "";
    const onPiece = (piece: { readonly type: string; readonly text?: string }): void => {
      joined += piece.text;
    };
    await answerByPolicy(() => text, ask("?"), testContext({ onPiece }));
    expect(joined).toBe(text);
  }, LENGTH / 20);
});

test("a data address keeps its type and bytes, with and without parameters", () => {
  for (const type of ["image/png", "text/plain;charset=utf-8", ""]) {
    const file = fileFromWire({ type: "image_url", image_url: { url: `data:${type};base64,AQI=` } });
    expect(file).toMatchObject({ mediaType: type.split(";")[0], data: new Uint8Array([1, 2]) });
  }
});
