import { ConfigError, checkOptions, type Files } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { fullSetup, type Setup } from "../setup.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { sampleFiles } from "./sample.ts";
import { type FilesState, MOST_BYTES, MOST_FILES, realStore, type Store, simulatedStore } from "./store.ts";

/** Options of `files`. */
export interface FilesOptions extends Pick<Setup, "seed"> {
  /** The user's own folder; what tools do there stays, and is not in the snapshot. @default a simulated folder in memory */
  readonly folder?: string | Files;
}

const MOST_LINES = 500;
const MOST_FOUND = 50;

const name = z.string().min(1).max(200).describe('Name of the file within the folder, for example "notes/today.txt".');
const text = z.string().max(MOST_BYTES);
const stateSchema = z.union([z.null(), z.strictObject({ files: z.record(z.string(), z.string()) })]);

const linesOf = (content: string): string[] => content.replace(/\n$/, "").split("\n");

function readingTools(define: Define<FilesState>, store: (state: FilesState) => Store): AnyTool[] {
  return [
    define({
      verb: "list",
      description: `Lists the files with their sizes in bytes, all or those of a folder, at most ${MOST_FILES}.`,
      input: z.strictObject({ folder: z.string().max(200).optional().describe('For example "notes".') }),
      effects: "reads",
      async run({ folder }, state) {
        const prefix = folder === undefined || folder === "" || folder === "." ? "" : `${folder.replace(/\/$/, "")}/`;
        const found = (await store(state).list())
          .filter(({ name }) => name.startsWith(prefix))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        return {
          count: found.length,
          files: found.slice(0, MOST_FILES).map(({ name, sizeBytes }) => ({ name, sizeBytes })),
        };
      },
    }),
    define({
      verb: "read",
      description: `Reads a text file, at most ${MOST_LINES} lines at a time.`,
      input: z.strictObject({
        name,
        fromLine: z.int().min(1).optional().describe("@default 1"),
        lines: z.int().min(1).max(MOST_LINES).optional(),
      }),
      effects: "reads",
      async run({ name, fromLine = 1, lines = MOST_LINES }, state) {
        const all = linesOf(await store(state).read(name));
        return { text: all.slice(fromLine - 1, fromLine - 1 + lines).join("\n"), fromLine, lines: all.length };
      },
    }),
    define({
      verb: "search",
      description: `Finds the lines that hold a text, in all files or one, without regard to case, at most ${MOST_FOUND}.`,
      input: z.strictObject({ text: z.string().min(1).max(200), name: name.optional() }),
      effects: "reads",
      async run({ text, name }, state) {
        const files = store(state);
        const names =
          name === undefined
            ? (await files.list())
                .filter(({ sizeBytes }) => sizeBytes <= MOST_BYTES)
                .map((file) => file.name)
                .sort()
            : [name];
        const found: { name: string; line: number; text: string }[] = [];
        const notRead: string[] = [];
        for (const each of names) {
          let content: string;
          try {
            content = await files.read(each);
          } catch (error) {
            if (name !== undefined) throw error;
            notRead.push(each); // no text
            continue;
          }
          linesOf(content).forEach((line, i) => {
            if (line.toLowerCase().includes(text.toLowerCase()))
              found.push({ name: each, line: i + 1, text: line.slice(0, 300) });
          });
        }
        return { count: found.length, found: found.slice(0, MOST_FOUND), ...(notRead.length === 0 ? {} : { notRead }) };
      },
    }),
  ];
}

function writingTools(define: Define<FilesState>, store: (state: FilesState) => Store): AnyTool[] {
  const has = async (state: FilesState, name: string): Promise<boolean> =>
    (await store(state).list()).some((file) => file.name === name);
  function fits(content: string): string {
    const size = Buffer.byteLength(content, "utf8");
    if (size > MOST_BYTES) refuse(`the file would have ${size} bytes, ${MOST_BYTES} are the most`);
    return content;
  }
  return [
    define({
      verb: "create",
      description:
        "Writes a new text file. One that exists is left as it is: use files_edit, files_append or files_remove.",
      input: z.strictObject({ name, text }),
      effects: "writes",
      async run({ name, text }, state) {
        if (await has(state, name)) refuse(`there is a file "${name}" already`);
        await store(state).write(name, fits(text));
        return { name, sizeBytes: Buffer.byteLength(text, "utf8") };
      },
    }),
    define({
      verb: "append",
      description: "Adds text at the end of a file, on a line of its own.",
      input: z.strictObject({ name, text }),
      effects: "writes",
      async run({ name, text }, state) {
        const before = await store(state).read(name);
        const joined = `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${text}${text.endsWith("\n") ? "" : "\n"}`;
        await store(state).write(name, fits(joined));
        return { name, lines: linesOf(joined).length };
      },
    }),
    define({
      verb: "edit",
      description:
        "Replaces a text in a file by another. The text must stand there exactly once, with its spaces and lines.",
      input: z.strictObject({ name, old: text.min(1), new: text }),
      effects: "writes",
      async run({ name, old, new: replacement }, state) {
        const parts = (await store(state).read(name)).split(old);
        if (parts.length !== 2)
          refuse(
            parts.length === 1
              ? `"${name}" does not hold this text; read it first`
              : `"${name}" holds this text ${parts.length - 1} times; give more of what stands around it`,
          );
        await store(state).write(name, fits(parts.join(replacement)));
        return { name };
      },
    }),
    define({
      verb: "move",
      description: "Gives a file another name, which must be free.",
      input: z.strictObject({ from: name, to: name }),
      effects: "writes",
      async run({ from, to }, state) {
        const content = await store(state).read(from);
        if (await has(state, to)) refuse(`there is a file "${to}" already`);
        await store(state).write(to, content);
        await store(state).remove(from);
        return { name: to };
      },
    }),
    define({
      verb: "remove",
      description: "Removes a file for good.",
      input: z.strictObject({ name }),
      effects: "destroys",
      async run({ name }, state) {
        await store(state).read(name); // a missing one is an error
        await store(state).remove(name);
        return { removed: name };
      },
    }),
  ];
}

/** Text files of one folder, and no other: simulated in memory, or the user's. */
export function files(options: FilesOptions = {}): Toolkit<FilesState> {
  checkOptions("files", options, ["seed", "folder"]);
  const { folder, ...given } = options;
  const { seed } = fullSetup("files", given);
  if (folder !== undefined && options.seed !== undefined)
    throw new ConfigError({ message: "files: seed is for the simulated folder; leave it out with folder" });
  const real = folder === undefined ? undefined : realStore(folder);
  const store = (state: FilesState): Store => real ?? simulatedStore(state!);
  return makeToolkit<FilesState>({
    id: "files",
    about: "Lists, reads, searches and changes text files of one folder.",
    state: real === undefined ? { files: sampleFiles(seed) } : null,
    schema:
      real === undefined
        ? stateSchema.refine((state) => state !== null, "must be the state of a simulated folder")
        : z.null(),
    tools: (define) => {
      const open: Define<FilesState> = (verb) => define({ ...verb, openWorld: real !== undefined });
      return [...readingTools(open, store), ...writingTools(open, store)];
    },
  });
}
