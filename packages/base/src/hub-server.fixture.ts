/** A hub on this machine: the routes of the Hugging Face hub that reading a model needs, its storage, and their failures. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Seen, sendRange, serve } from "./http-server.fixture.ts";

/** A repository as a test describes it. Files of 64 bytes and more are in large file storage, behind a redirect. */
export interface FakeRepository {
  /** Files by commit. */
  readonly commits: Record<string, Readonly<Record<string, Uint8Array | string>>>;
  /** Commits by branch, tag, short commit or reference. */
  readonly revisions: Record<string, string>;
  /** Answers in the hub's place when it returns true. */
  hub?: (request: IncomingMessage, response: ServerResponse) => boolean | undefined;
  /** Answers in the storage's place when it returns true. */
  storage?: (request: IncomingMessage, response: ServerResponse, content: Uint8Array) => boolean | undefined;
}

export const bytes = (content: Uint8Array | string): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** The etag of a file: Git's name of it, or the SHA-256 of a large one. */
export function etagOf(content: Uint8Array): string {
  if (content.length >= 64) return createHash("sha256").update(content).digest("hex");
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

const PAGE = 2;

/** Starts a hub with the repository `org/name`. */
export async function serveHub(
  repository: FakeRepository,
): Promise<{ url: string; seen: Seen[]; stored: Seen[]; close(): Promise<void> }> {
  const { commits, revisions } = repository;
  const contents = (): Uint8Array[] => Object.values(commits).flatMap((files) => Object.values(files).map(bytes));
  const storage = await serve((request, response) => {
    const content = contents().find((each) => request.url === `/${etagOf(each)}?signature=x`);
    if (content === undefined) return void response.writeHead(403).end("signature");
    if (repository.storage?.(request, response, content) === true) return;
    sendRange(request, response, content, { etag: `"storage-${etagOf(content).slice(0, 8)}"` });
  });
  const hub = await serve((request, response) => {
    if (repository.hub?.(request, response) === true) return;
    const url = new URL(request.url!, "http://hub");
    const refuse = (code: string): void => void response.writeHead(404, { "x-error-code": code }).end(code);
    const [, route, revision, name] =
      /^\/(api\/models\/org\/name\/(?:revision|tree)|org\/name\/resolve)\/([^/]+)(?:\/(.+))?$/.exec(url.pathname) ?? [];
    if (route === undefined) return refuse("RepoNotFound");
    const named = decodeURIComponent(revision!);
    const commit = named in commits ? named : revisions[named];
    if (commit === undefined) return refuse("RevisionNotFound");
    const files = commits[commit]!;
    if (route.endsWith("revision"))
      return void response.end(JSON.stringify({ id: "org/name", sha: commit, siblings: [] }));
    if (route.endsWith("tree")) {
      const at = Number(url.searchParams.get("cursor") ?? 0);
      const all = Object.entries(files).map(([path, given]) => {
        const content = bytes(given);
        const lfs =
          content.length < 64 ? {} : { lfs: { oid: etagOf(content), size: content.length, pointerSize: 130 } };
        const oid = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
        return { type: "file", path, size: content.length, oid, ...lfs };
      });
      const folder = { type: "directory", path: "onnx", size: 0, oid: "0".repeat(40) };
      const next = `<http://${request.headers.host}${url.pathname}?recursive=true&cursor=${at + PAGE}>; rel="next"`;
      response.writeHead(200, at + PAGE < all.length ? { link: next } : {});
      return void response.end(JSON.stringify([...all.slice(at, at + PAGE), ...(at === 0 ? [folder] : [])]));
    }
    const given = files[name!.split("/").map(decodeURIComponent).join("/")];
    const headers = { "x-repo-commit": commit };
    if (given === undefined) {
      return void response.writeHead(404, { ...headers, "x-error-code": "EntryNotFound" }).end();
    }
    const content = bytes(given);
    const etag = etagOf(content);
    if (content.length < 64) return sendRange(request, response, content, { etag: `"${etag}"`, headers });
    response.writeHead(302, {
      ...headers,
      "x-linked-etag": `"${etag}"`,
      "x-linked-size": content.length,
      location: `${storage.url}/${etag}?signature=x`,
    });
    response.end("Found");
  });
  const close = async (): Promise<void> => {
    await hub.close();
    await storage.close();
  };
  return { url: hub.url, seen: hub.seen, stored: storage.seen, close };
}
