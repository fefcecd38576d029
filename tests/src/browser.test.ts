/** `useBackend` in a bundle that Vite made, in a browser: packages for browsers are part of the bundle. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../fixtures/browser", import.meta.url));

/** A Chromium of this machine. */
const chromium = ["CHROMIUM", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .map((place) => (place === "CHROMIUM" ? process.env["CHROMIUM"] : place))
  .find((place) => place !== undefined && existsSync(place));
if (chromium === undefined)
  console.warn("browser.test.ts: no Chromium here, so the bundle is built and not run; install one, or set CHROMIUM");

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Bundle {
  readonly folder: string;
  readonly code: string;
}

/** Bundles the page; without some packages, as where they are not installed. */
async function bundle(missing: readonly string[] = []): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), "cambium-bundle-"));
  folders.push(folder);
  const output = await build({
    root,
    logLevel: "silent",
    resolve: { conditions: ["@cambium/source", "module", "browser", "import", "default"] },
    build: { outDir: folder, target: "esnext", minify: false },
    plugins: [
      {
        name: "missing",
        enforce: "pre",
        resolveId: (id) => (missing.includes(id) ? `\0missing:${id}` : null),
        // What Vite puts in the place of an optional peer dependency that is not there.
        load: (id) =>
          id.startsWith("\0missing:")
            ? `throw new Error(\`Could not resolve "${id.slice(9)}" imported by "@cambium/core". Is it installed?\`)`
            : null,
      },
    ],
  });
  const { output: chunks } = output as { output: { code?: string }[] };
  return { folder, code: chunks.map(({ code }) => code ?? "").join("\n") };
}

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

type Answer = { backend?: string; device?: string; reason?: string; product?: number[]; error?: string };

/** What the page posts when a browser shows it. */
async function show({ folder }: Bundle): Promise<Record<string, Answer>> {
  const profile = mkdtempSync(join(tmpdir(), "cambium-chromium-"));
  folders.push(profile);
  let resolve: (body: string) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const posted = new Promise<string>((...settle) => ([resolve, reject] = settle));
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      let body = "";
      request.on("data", (piece) => (body += String(piece)));
      request.on("end", () => {
        response.end();
        resolve(body);
      });
      return;
    }
    const file = join(folder, request.url === "/" ? "index.html" : decodeURIComponent(request.url ?? ""));
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const browser = spawn(
    chromium!,
    [
      "--headless=new",
      "--no-sandbox",
      "--no-first-run",
      "--disable-background-networking",
      // WebGPU over a renderer on the processor.
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
      `--user-data-dir=${profile}`,
      `http://127.0.0.1:${port}/`,
    ],
    { stdio: "ignore" },
  );
  browser.on("error", reject);
  browser.on("exit", (status) => reject(new Error(`${chromium} ended with status ${status}`)));
  try {
    return JSON.parse(await posted) as Record<string, Answer>;
  } finally {
    const ended = new Promise((done) => browser.once("exit", done));
    browser.kill();
    await ended;
    server.close();
  }
}

test("a bundle has the packages for browsers in it, and none for Node by a bare name that it could resolve", async () => {
  const { code } = await bundle();
  expect(code).toContain("WebGPUBackend");
  expect(code).not.toMatch(/import\(\s*["'`]@tensorflow/);
});

describe.runIf(chromium !== undefined)("in Chromium", () => {
  let answers: Record<string, Answer>;
  let without: Record<string, Answer>;
  beforeAll(async () => {
    answers = await show(await bundle());
    without = await show(await bundle(["@tensorflow/tfjs-backend-webgpu"]));
  });

  test("webgpu runs, or its package says that it does not here", () => {
    const { webgpu } = answers;
    if (webgpu?.error === undefined)
      expect(webgpu).toEqual({ backend: "webgpu", device: "gpu", reason: "asked for by name", product: [3, 7] });
    else expect(webgpu.error).toMatch(/"webgpu" does not run here/);
    expect(JSON.stringify(webgpu)).not.toMatch(/Failed to resolve module specifier|not installed/);
  });

  test("auto takes a backend that runs", () => {
    expect(answers["auto"]!.product).toEqual([3, 7]);
    expect(answers["auto"]!.reason).toMatch(/^the fastest that runs here/);
  });

  test("backends for Node are refused with a reason, and cpu runs after them", () => {
    for (const name of ["onnx", "tensorflow"])
      expect(answers[name]!.error).toMatch(`"${name}" does not run here: it runs in Node only`);
    expect(answers["cpu"]!.product).toEqual([3, 7]);
  });

  test("a bundle without webgpu's package says what to install", () => {
    expect(without["webgpu"]!.error).toMatch(/@tensorflow\/tfjs-backend-webgpu is not installed; install it to use/);
    expect(without["auto"]!.product).toEqual([3, 7]);
  });
});
