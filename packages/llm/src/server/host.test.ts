import { request } from "node:http";
import { expect, test } from "vitest";
import { isOwnHost } from "./host.ts";
import { testServer } from "./server.fixture.ts";

test.each([
  ["127.0.0.1:8080", true],
  ["127.0.0.1", true],
  ["[::1]:8080", true],
  ["192.168.1.5:80", true],
  ["localhost:8080", true],
  ["LocalHost", true],
  ["model.localhost", true],
  ["box:8080", true],
  ["BOX", true],
  ["evil.example", false],
  ["evil.example:8080", false],
  ["localhost.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["notlocalhost", false],
  ["127.0.0.1@evil.example", false],
  ["", false],
  [undefined, false],
])("the host %j is ours: %s", (host, own) => {
  expect(isOwnHost(host, ["box"])).toBe(own);
});

/** The status of a request for the list of models under a host's name. */
async function ask(baseURL: string, host: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${baseURL}/models`, { headers: { host, ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    sent.on("error", reject);
    sent.end();
  });
}

test("without a key a page that points its own name here is refused", async () => {
  const { baseURL } = await testServer({ models: { m: () => "" } });
  expect(await ask(baseURL, "evil.example")).toBe(403);
  expect(await ask(baseURL, "localhost:1234")).toBe(200);
});

test("names that are allowed, and any name with the key, are answered", async () => {
  const open = await testServer({ models: { m: () => "" }, allowedHosts: ["models.lan"] });
  expect(await ask(open.baseURL, "models.lan:8080")).toBe(200);
  expect(await ask(open.baseURL, "evil.example")).toBe(403);
  const keyed = await testServer({ models: { m: () => "" }, apiKey: "k" });
  expect(await ask(keyed.baseURL, "models.lan", { authorization: "Bearer k" })).toBe(200);
  expect(await ask(keyed.baseURL, "models.lan")).toBe(401);
});
