import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ModelRequest } from "../messages/request.ts";
import { ask, freshFolder, testContext } from "../open-models.fixture.ts";
import { recorded } from "./recorded.ts";
import { scripted } from "./scripted.ts";

const cassette = (): string => `${freshFolder()}/some/cassette.jsonl`;
const nobody = scripted([], { name: "model" });

async function record(path: string, requests: readonly ModelRequest[], secrets: string[] = []): Promise<void> {
  const source = recorded(
    path,
    scripted(() => ({ text: "reply", reasoning: "why" }), { name: "model" }),
    { mode: "record", secrets },
  );
  for (const request of requests) await source.generate(request, testContext());
}

test("what was recorded is replayed without asking, files and all", async () => {
  const path = cassette();
  const bytes = new Uint8Array([0, 255, 7]);
  const file = { type: "file", mediaType: "image/png", data: bytes } as const;
  const request: ModelRequest = { messages: [{ role: "user", content: [file, { type: "text", text: "what?" }] }] };
  const reply = {
    parts: [file, { type: "file", mediaType: "text/plain", data: new URL("https://a.example/b") }],
  } as const;
  const live = await recorded(
    path,
    scripted(() => reply, { name: "model" }),
    { mode: "record" },
  ).generate(request, testContext());
  const replayed = await recorded(path, nobody).generate(request, testContext());
  expect(replayed).toEqual(live);
  expect(replayed.content[0]).toMatchObject({ data: bytes });
});

test("recording asks only for what the cassette lacks", async () => {
  const path = cassette();
  await record(path, [ask("a")]);
  const source = recorded(path, scripted([{ reply: "new" }], { name: "model" }), { mode: "record" });
  expect((await source.generate(ask("a"), testContext())).content.at(-1)).toMatchObject({ text: "reply" });
  expect((await source.generate(ask("b"), testContext())).content.at(-1)).toMatchObject({ text: "new" });
});

test("a request that was not recorded shows where it differs from the nearest recording", async () => {
  const path = cassette();
  await record(path, [ask("one\ntwo\nthree\nfour"), ask("quite another thing")]);
  const error = await recorded(path, nobody)
    .generate(ask("one\n2\nthree\nfour"), testContext())
    .catch((reason) => reason);
  expect(error).toMatchObject({ code: "NO_REPLY" });
  expect(error.details.nearest.diff.filter((line: string) => !line.startsWith(" "))).toEqual(["-two", "+2"]);
  expect(error.message).toContain("-two\n+2");
});

test("an empty cassette says so", async () => {
  await expect(recorded(cassette(), nobody).generate(ask("?"), testContext())).rejects.toThrow("the cassette is empty");
});

test("secrets are neither in the file nor part of the key", async () => {
  const path = cassette();
  const of = (secret: string, known: string): ModelRequest =>
    ask(`use ${secret} and ${known}, {"api_key": "${secret}x"}`);
  const [a, b] = ["sk-proj-abcdefghijklmnop1234", "sk-proj-zyxwvutsrqponmlk9876"];
  await record(path, [of(a, "my-own-token")], ["my-own-token"]);
  const text = readFileSync(path, "utf8");
  expect(text).not.toContain(a);
  expect(text).not.toContain("my-own-token");
  const replay = recorded(path, nobody, { secrets: ["their-token"] });
  expect((await replay.generate(of(b, "their-token"), testContext())).content).toHaveLength(2);
});

test("a line cut off by a crash does not count, and is replaced by the next recording", async () => {
  const path = cassette();
  await record(path, [ask("a"), ask("b")]);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.slice(0, -20));
  await expect(recorded(path, nobody).generate(ask("b"), testContext())).rejects.toMatchObject({ code: "NO_REPLY" });
  await record(path, [ask("b")]);
  expect(readFileSync(path, "utf8")).toBe(text);
});

test("a cassette of another version, or another file, is refused", async () => {
  const path = `${freshFolder()}/c.jsonl`;
  writeFileSync(path, '{"cassette":99}\n');
  const refused = { code: "FORMAT", message: expect.stringContaining("cassette version 99") };
  await expect(recorded(path, nobody).generate(ask("?"), testContext())).rejects.toMatchObject(refused);
  writeFileSync(path, '{"cassette":1}\n');
  appendFileSync(path, "rubbish\n{}\n");
  const rubbish = { code: "FORMAT", details: { line: 2 } };
  await expect(recorded(path, nobody).generate(ask("?"), testContext())).rejects.toMatchObject(rubbish);
});
