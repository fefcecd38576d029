import { expect, test } from "vitest";
import { startServer } from "./server/server.ts";
import { openai } from "./sources/openai.ts";
import { recorded } from "./sources/recorded.ts";
import { scripted } from "./sources/scripted.ts";

const models = { echo: () => "echo" };

test.each<[caller: string, call: () => unknown, meant: string]>([
  ["openai", () => openai("m", { apikey: "k" } as never), "apiKey"],
  ["recorded", () => recorded("c.jsonl", scripted([]), { mod: "record" } as never), "mode"],
  ["scripted", () => scripted([], { nam: "a" } as never), "name"],
  ["scripted", () => scripted([{ reply: "a", time: 2 } as never]), "times"],
  ["startServer", () => startServer({ models, prot: 80 } as never), "port"],
])("%s refuses a misspelt option and names the one that was meant", async (caller, call, meant) => {
  const called = (async () => call())();
  await expect(called).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(`is "${meant}" meant?`),
  });
  await expect(called).rejects.toThrow(caller);
});
