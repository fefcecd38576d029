import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { sendRange } from "./http-server.fixture.ts";
import { hub } from "./hub.ts";
import { useEmptyHome } from "./hub-home.fixture.ts";
import { bytes, etagOf, type FakeRepository, serveHub } from "./hub-server.fixture.ts";

const A = "a".repeat(40);
const weights = Uint8Array.from({ length: 10_000 }, (_, i) => (i * i) % 251);
const etag = etagOf(weights);
const small = bytes('{"a": 1}');

const home = useEmptyHome();
const blobs = (): string[] => readdirSync(join(home.repository, "blobs"));
const quick = { retryDelayMs: 1 };

const repository = (more: Partial<FakeRepository> = {}): FakeRepository => ({
  commits: { [A]: { "model.bin": weights, "config.json": small } },
  revisions: { main: A },
  ...more,
});

/** Storage whose connections break: at these bytes of the file, one after the other. */
const cutting = (cuts: number[], etag?: string): NonNullable<FakeRepository["storage"]> => {
  const left = [...cuts];
  return (request, response, content) => {
    sendRange(request, response, content, { cutAt: left.shift(), ...(etag === undefined ? {} : { etag }) });
    return true;
  };
};

/** Storage that sends something else. */
const sending = (what: (content: Uint8Array) => Uint8Array): NonNullable<FakeRepository["storage"]> => {
  return (request, response, content) => {
    sendRange(request, response, what(content));
    return true;
  };
};

describe("a cut connection", () => {
  test("is resumed where it broke, guarded by the version's etag", async () => {
    const { url, stored } = await serveHub(repository({ storage: cutting([3_000, 7_000], '"v1"') }));
    const progress: number[] = [];
    const onProgress = ({ receivedBytes }: { receivedBytes: number }): void => void progress.push(receivedBytes);
    expect(await hub("org/name", { endpoint: url, ...quick, onProgress }).read("model.bin")).toEqual(weights);
    expect(stored.map(({ range, ifRange }) => [range, ifRange])).toEqual([
      [undefined, undefined],
      ["bytes=3000-", '"v1"'],
      ["bytes=7000-", '"v1"'],
    ]);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(blobs()).toEqual([etag]);
  });

  test("of a file that changed meanwhile starts it again: two versions are never glued together", async () => {
    let version = 0;
    const { url, stored } = await serveHub(
      repository({
        storage(request, response, content) {
          version++;
          const old = content.map((each) => each ^ 1);
          if (version === 1) sendRange(request, response, old, { etag: '"old"', cutAt: 4_000 });
          else sendRange(request, response, content, { etag: '"new"' });
          return true;
        },
      }),
    );
    expect(await hub("org/name", { endpoint: url, ...quick }).read("model.bin")).toEqual(weights);
    expect(stored.map(({ range }) => range)).toEqual([undefined, "bytes=4000-", undefined]);
  });

  test("of a server without ranges starts the file again", async () => {
    let calls = 0;
    const { url } = await serveHub(
      repository({
        storage(_request, response, content) {
          response.writeHead(200, { "content-length": content.length });
          if (calls++ > 0) response.end(content);
          else response.write(content.subarray(0, 1_000), () => setTimeout(() => response.destroy(), 20));
          return true;
        },
      }),
    );
    expect(await hub("org/name", { endpoint: url, ...quick }).read("model.bin")).toEqual(weights);
  });

  test("again and again is an error, and the next read takes up what arrived", async () => {
    let cuts = true;
    const { url, stored } = await serveHub(
      repository({
        storage(request, response, content) {
          const from = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
          sendRange(request, response, content, cuts ? { cutAt: from + 100 } : {});
          return true;
        },
      }),
    );
    const opened = hub("org/name", { endpoint: url, ...quick });
    await expect(opened.read("model.bin")).rejects.toMatchObject({
      code: "FILE",
      details: { reason: "unavailable" },
      message: expect.stringContaining("after 500 of 10000 bytes"),
    });
    expect(stored).toHaveLength(5);
    expect(blobs()).toEqual([`${etag}.kept.incomplete`]);
    expect(existsSync(join(home.repository, "snapshots"))).toBe(false);
    cuts = false;
    expect(await opened.read("model.bin")).toEqual(weights);
    expect(stored.at(-1)!.range).toBe("bytes=500-");
    expect(blobs()).toEqual([etag]);
  });

  test("that yields much each time does not end it, however many there are", async () => {
    const large = Uint8Array.from({ length: 400_000 }, (_, i) => (i * i) % 251);
    const storage = cutting([70_000, 140_000, 210_000, 280_000, 350_000], '"v1"');
    const { url, stored } = await serveHub(repository({ commits: { [A]: { "model.bin": large } }, storage }));
    const read = await hub("org/name", { endpoint: url, ...quick, retries: 1 }).read("model.bin");
    expect(etagOf(read)).toBe(etagOf(large));
    expect(stored).toHaveLength(6);
  });

  test("that yields a little each time ends too", async () => {
    const { url, stored } = await serveHub(
      repository({
        storage(request, response, content) {
          const from = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
          sendRange(request, response, content, { cutAt: from + 1 });
          return true;
        },
      }),
    );
    await expect(hub("org/name", { endpoint: url, ...quick, retries: 2 }).read("model.bin")).rejects.toThrow("broke");
    expect(stored).toHaveLength(3);
  });
});

describe("what an earlier download left", () => {
  const leave = (name: string, content: Uint8Array): void => {
    mkdirSync(join(home.repository, "blobs"), { recursive: true });
    writeFileSync(join(home.repository, "blobs", `${etag}${name}`), content);
  };
  const gone = Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));

  test("is taken up after its process was killed", async () => {
    const { url, stored } = await serveHub(repository());
    leave(`.${gone}-00000000@${hostname()}.incomplete`, weights.subarray(0, 6_000));
    leave(".kept.incomplete", weights.subarray(0, 10));
    expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
    expect(stored.map(({ range }) => range)).toEqual(["bytes=6000-"]);
    expect(blobs()).toEqual([etag]);
  });

  test("is taken up when a former process had this one's number, as in a container", async () => {
    const { url, stored } = await serveHub(repository());
    const name = `.${process.pid}-00000000@${hostname()}.incomplete`;
    leave(name, weights.subarray(0, 6_000));
    utimesSync(join(home.repository, "blobs", etag + name), 1e9, 1e9);
    expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
    expect(stored.map(({ range }) => range)).toEqual(["bytes=6000-"]);
  });

  test("is left alone while its process runs, on another machine, or when it is Python's", async () => {
    const { url, stored } = await serveHub(repository());
    const names = [
      `.${process.pid}-00000000@${hostname()}.incomplete`,
      `.${process.ppid}-00000000@${hostname()}.incomplete`,
      `.${gone}-00000000@elsewhere.incomplete`,
      ".incomplete",
      ".0123abcd.incomplete",
    ];
    for (const name of names) leave(name, weights.subarray(0, 6_000));
    expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
    expect(stored.map(({ range }) => range)).toEqual([undefined]);
    expect(blobs().sort()).toEqual([etag, ...names.map((name) => etag + name)].sort());
  });

  test("and is whole already needs no more bytes", async () => {
    const { url, stored } = await serveHub(repository());
    leave(".kept.incomplete", weights);
    expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
    expect(stored).toEqual([]);
  });

  test.each([
    { title: "longer than the file", content: new Uint8Array(10_001) },
    { title: "of another content", content: weights.map((each) => each ^ 1).subarray(0, 5_000) },
    { title: "whole but of another content", content: new Uint8Array(10_000) },
  ])("and is $title is thrown away", async ({ content }) => {
    const { url } = await serveHub(repository());
    leave(".kept.incomplete", content);
    expect(await hub("org/name", { endpoint: url, ...quick }).read("model.bin")).toEqual(weights);
    expect(blobs()).toEqual([etag]);
  });
});

describe("a download that is not what was announced", () => {
  test.each([
    { title: "of another content", content: weights.map((each) => each ^ 1), says: "SHA-256" },
    { title: "too short", content: weights.subarray(0, 9_999), says: "9999 bytes" },
    { title: "too long", content: new Uint8Array([...weights, 0]), says: "10001 bytes" },
  ])("$title is tried twice, thrown away and never read", async ({ content, says }) => {
    const { url, stored } = await serveHub(repository({ storage: sending(() => content) }));
    await expect(hub("org/name", { endpoint: url, ...quick }).read("model.bin")).rejects.toThrow(says);
    expect(stored).toHaveLength(2);
    expect(blobs()).toEqual([]);
    expect(existsSync(join(home.repository, "snapshots"))).toBe(false);
  });

  test("is no failure once it is right", async () => {
    let calls = 0;
    const { url } = await serveHub(
      repository({
        storage: sending((content) => (calls++ === 0 ? new Uint8Array(content.length) : content)),
      }),
    );
    expect(await hub("org/name", { endpoint: url, ...quick }).read("model.bin")).toEqual(weights);
  });

  test("a compressed answer is measured by what it holds", async () => {
    const { url } = await serveHub(
      repository({
        hub({ url }, response) {
          if (!url!.endsWith("/config.json")) return false;
          const packed = Uint8Array.from(execFileSync("gzip", { input: small }));
          const headers = { "content-encoding": "gzip", "content-length": packed.length, etag: 'W/"abc"' };
          response.writeHead(200, { ...headers, "x-repo-commit": A }).end(packed);
          return true;
        },
      }),
    );
    expect(await hub("org/name", { endpoint: url, ...quick }).read("config.json")).toEqual(small);
    expect(blobs()).toEqual(["abc"]);
  });
});

describe("a failure that passes", () => {
  test.each([500, 502, 503, 504, 429, 408])("%i is asked again", async (status) => {
    let left = 2;
    const { url } = await serveHub(
      repository({ hub: (_, response) => left-- > 0 && !!response.writeHead(status).end() }),
    );
    expect(await hub("org/name", { endpoint: url, ...quick }).read("model.bin")).toEqual(weights);
  });

  test("is asked again no sooner than the server wants", async () => {
    let left = 1;
    const { url } = await serveHub(
      repository({ storage: (_, response) => left-- > 0 && !!response.writeHead(429, { "retry-after": "1" }).end() }),
    );
    const start = performance.now();
    expect(await hub("org/name", { endpoint: url, ...quick }).read("model.bin")).toEqual(weights);
    expect(performance.now() - start).toBeGreaterThan(990);
  });

  test.each<Record<string, string>>([
    { "retry-after": "300" },
    { "retry-after": "Fri, 01 Jan 2100 00:00:00 GMT" },
    { ratelimit: '"resolvers";r=0;t=300' },
  ])("that asks for too long a wait is an error that says how long: %j", async (headers) => {
    const { url, seen } = await serveHub(
      repository({ hub: (_, response) => !!response.writeHead(429, headers).end() }),
    );
    await expect(hub("org/name", { endpoint: url, ...quick }).read("model.bin")).rejects.toThrow(
      /try again in \d{3,} s/,
    );
    expect(seen).toHaveLength(1);
  });

  test("again and again is an error with its status", async () => {
    const { url, seen } = await serveHub(repository({ hub: (_, response) => !!response.writeHead(503).end() }));
    await expect(hub("org/name", { endpoint: url, ...quick }).read("model.bin")).rejects.toMatchObject({
      details: { status: 503, reason: "unavailable" },
    });
    expect(seen).toHaveLength(5);
  });
});

test("two downloads of one file at a time leave it whole, once", async () => {
  const { url } = await serveHub(repository({ storage: cutting([3_000, 2_000], '"v"') }));
  const read = () => hub("org/name", { endpoint: url, ...quick }).read("model.bin");
  expect(await Promise.all([read(), read(), read()])).toEqual([weights, weights, weights]);
  expect(blobs()).toEqual([etag]);
});

test("an aborted download stops, and the next read takes up what arrived", async () => {
  const controller = new AbortController();
  const { url, stored } = await serveHub(
    repository({
      storage(request, response, content) {
        if (request.headers.range !== undefined) return false;
        response.writeHead(200, { "content-length": content.length });
        response.write(content.subarray(0, 5_000));
        return true;
      },
    }),
  );
  const onProgress = vi.fn(({ receivedBytes }) => receivedBytes === 5_000 && controller.abort(new Error("enough")));
  const { signal } = controller;
  const error = await hub("org/name", { endpoint: url, signal, onProgress })
    .read("model.bin")
    .catch((caught) => caught);
  expect(error).toMatchObject({ code: "CANCELLED", cause: { message: "enough" } });
  expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
  expect(stored.map(({ range }) => range)).toEqual([undefined, "bytes=5000-"]);
  await expect(hub("org/name", { endpoint: url, signal }).read("config.json")).rejects.toMatchObject({
    code: "CANCELLED",
  });
});

test("a wait before a repetition ends with the signal", async () => {
  const { url } = await serveHub(repository({ hub: (_, response) => !!response.writeHead(503).end() }));
  const read = hub("org/name", { endpoint: url, retryDelayMs: 30_000, signal: AbortSignal.timeout(100) }).read("x");
  await expect(read).rejects.toMatchObject({ code: "CANCELLED" });
});
