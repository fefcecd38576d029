/** The file system of the multi-turn rows: folders and files of text, one folder at a time, no paths. */
import type { Json, JsonObject } from "@cambium/base";
import { isObject } from "../../json-schema/keywords.ts";
import { type BackEnd, type BackEndResult, error } from "./back-end.ts";

type File = string;
interface Folder {
  [name: string]: File | Folder;
}

/** Folders, and where in them the user is. */
interface Disk {
  readonly [key: string]: Json;
  readonly name: string;
  readonly root: Folder & Json;
  cwd: string[];
}

const isFolder = (entry: File | Folder | undefined): entry is Folder => typeof entry === "object";

function treeOf(config: unknown): Folder {
  const entries = isObject(config) ? Object.entries(config) : [];
  return Object.fromEntries(
    entries.map(([name, given]) => {
      const { type, contents, content } = Object(given) as { type?: unknown; contents?: unknown; content?: unknown };
      return [name, type === "directory" ? treeOf(contents) : String(content ?? "")];
    }),
  );
}

function here({ root, cwd }: Disk): Folder {
  return cwd.reduce<Folder>((folder, name) => folder[name] as Folder, root);
}

const entryOf = (folder: Folder, name: string): File | Folder | undefined =>
  Object.hasOwn(folder, name) ? folder[name] : undefined;

const isPath = (name: string): boolean =>
  name.includes("/") || name === "" || name === "." || name === ".." || name === "__proto__";
const missing = (command: string, name: string): BackEndResult =>
  error(`${command}: ${name}: no such file or directory`);

/** Does something with a file of the current folder. */
function withFile(disk: Disk, command: string, name: string, work: (content: string) => BackEndResult): BackEndResult {
  const entry = entryOf(here(disk), name);
  if (entry === undefined) return missing(command, name);
  return isFolder(entry) ? error(`${command}: ${name}: is a directory`) : work(entry);
}

const linesOf = (content: string): readonly string[] => content.split("\n");

const sizeOf = (entry: File | Folder): number =>
  isFolder(entry) ? Object.values(entry).reduce((sum, inner) => sum + sizeOf(inner), 0) : entry.length;

function readable(sizeBytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let size = sizeBytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${size.toFixed(2)} ${units[unit]}`;
}

/** Copies or moves within the current folder: into a folder of that name, or to that name. */
function place(disk: Disk, command: "cp" | "mv", source: string, destination: string): BackEndResult {
  const folder = here(disk);
  const entry = entryOf(folder, source);
  if (entry === undefined) return missing(command, source);
  if (isPath(destination)) return error(`${command}: ${destination}: must be a name in the current directory`);
  const target = entryOf(folder, destination);
  if (target !== undefined && !isFolder(target) && command === "mv" && isFolder(entry))
    return error(`mv: ${destination}: is a file`);
  const into = isFolder(target) ? target : folder;
  const name = isFolder(target) ? source : destination;
  if (into === entry) return error(`${command}: ${source}: cannot be put into itself`);
  if (isFolder(target) && entryOf(target, source) !== undefined)
    return error(`${command}: ${destination}/${source}: exists already`);
  into[name] = structuredClone(entry);
  if (command === "mv" && !(into === folder && name === source)) delete folder[source];
  const verb = command === "cp" ? "copied" : "moved";
  return { result: `'${source}' ${verb} to '${isFolder(target) ? `${destination}/${source}` : destination}'` };
}

function findIn(folder: Folder, path: string, name: string | undefined): string[] {
  return Object.entries(folder).flatMap(([key, entry]) => {
    const at = `${path}/${key}`;
    const found = name === undefined || key.includes(name) ? [at] : [];
    return isFolder(entry) ? [...found, ...findIn(entry, at, name)] : found;
  });
}

/** Where a path of `find` begins. */
function startOf(disk: Disk, path: string): Folder | undefined {
  let folder: File | Folder | undefined = here(disk);
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    folder = isFolder(folder) ? entryOf(folder, name) : undefined;
  }
  return isFolder(folder) ? folder : undefined;
}

interface Named {
  readonly file_name: string;
}

/** The file system. */
export const fileSystem: BackEnd<Disk> = {
  create(config: JsonObject) {
    const [[name, root] = ["", {}]] = isObject(config["root"]) ? Object.entries(config["root"]) : [];
    return { name, root: treeOf(Object(root).contents) as Folder & Json, cwd: [] };
  },
  functions: {
    cat: (disk, { file_name }: Named) => withFile(disk, "cat", file_name, (content) => ({ file_content: content })),
    cd(disk, { folder }: { folder: string }) {
      if (folder === "..") {
        if (disk.cwd.length === 0) return error("cd: this is the root already");
        disk.cwd = disk.cwd.slice(0, -1);
      } else if (isFolder(entryOf(here(disk), folder))) disk.cwd = [...disk.cwd, folder];
      else return missing("cd", folder);
      return { current_working_directory: disk.cwd.at(-1) ?? disk.name };
    },
    cp: (disk, { source, destination }: { source: string; destination: string }) =>
      place(disk, "cp", source, destination),
    diff: (disk, { file_name1, file_name2 }: { file_name1: string; file_name2: string }) =>
      withFile(disk, "diff", file_name1, (a) =>
        withFile(disk, "diff", file_name2, (b) => {
          const [x, y] = [linesOf(a), linesOf(b)];
          const rows = Array.from(
            { length: Math.max(x.length, y.length) },
            (_, i) => [x[i] ?? "", y[i] ?? ""] as const,
          );
          return { diff_lines: rows.flatMap(([old, now]) => (old === now ? [] : [`- ${old}\n+ ${now}`])).join("\n") };
        }),
      ),
    du(disk, { human_readable = false }: { human_readable?: boolean }) {
      const sizeBytes = sizeOf(here(disk));
      return { disk_usage: human_readable ? readable(sizeBytes) : `${sizeBytes} bytes` };
    },
    echo(disk, { content, file_name }: { content: string; file_name?: string | null }) {
      if (file_name === undefined || file_name === null || file_name === "None") return { terminal_output: content };
      if (isPath(file_name)) return error(`echo: ${file_name}: must be a name in the current directory`);
      const folder = here(disk);
      if (isFolder(entryOf(folder, file_name))) return error(`echo: ${file_name}: is a directory`);
      folder[file_name] = content;
      return { terminal_output: null };
    },
    find(disk, { path = ".", name }: { path?: string; name?: string | null }) {
      const start = startOf(disk, path);
      if (start === undefined) return missing("find", path);
      return { matches: findIn(start, path.replace(/\/$/, ""), name === null || name === "None" ? undefined : name) };
    },
    grep: (disk, { file_name, pattern }: Named & { pattern: string }) =>
      withFile(disk, "grep", file_name, (content) => ({
        matching_lines: linesOf(content).filter((line) => line.includes(pattern)),
      })),
    ls(disk, { a = false }: { a?: boolean }) {
      return { current_directory_content: Object.keys(here(disk)).filter((name) => a || !name.startsWith(".")) };
    },
    mkdir(disk, { dir_name }: { dir_name: string }) {
      const folder = here(disk);
      if (isPath(dir_name)) return error(`mkdir: ${dir_name}: must be a name in the current directory`);
      if (entryOf(folder, dir_name) !== undefined) return error(`mkdir: ${dir_name}: exists already`);
      folder[dir_name] = {};
      return null;
    },
    mv: (disk, { source, destination }: { source: string; destination: string }) =>
      place(disk, "mv", source, destination),
    pwd: ({ name, cwd }) => ({ current_working_directory: `/${[name, ...cwd].join("/")}` }),
    rm(disk, { file_name }: Named) {
      const folder = here(disk);
      if (entryOf(folder, file_name) === undefined) return missing("rm", file_name);
      delete folder[file_name];
      return { result: `'${file_name}' removed` };
    },
    rmdir(disk, { dir_name }: { dir_name: string }) {
      const folder = here(disk);
      const entry = entryOf(folder, dir_name);
      if (!isFolder(entry)) return missing("rmdir", dir_name);
      if (Object.keys(entry).length > 0) return error(`rmdir: ${dir_name}: not empty`);
      delete folder[dir_name];
      return { result: `'${dir_name}' removed` };
    },
    sort: (disk, { file_name }: Named) =>
      withFile(disk, "sort", file_name, (content) => ({ sorted_content: [...linesOf(content)].sort().join("\n") })),
    tail: (disk, { file_name, lines = 10 }: Named & { lines?: number }) =>
      withFile(disk, "tail", file_name, (content) => ({
        last_lines: lines <= 0 ? "" : linesOf(content).slice(-lines).join("\n"),
      })),
    touch(disk, { file_name }: Named) {
      const folder = here(disk);
      if (isPath(file_name)) return error(`touch: ${file_name}: must be a name in the current directory`);
      if (entryOf(folder, file_name) !== undefined) return error(`touch: ${file_name}: exists already`);
      folder[file_name] = "";
      return null;
    },
    wc: (disk, { file_name, mode = "l" }: Named & { mode?: string }) =>
      withFile(disk, "wc", file_name, (content) => {
        if (mode === "l") return { count: linesOf(content).length, type: "lines" };
        if (mode === "w") return { count: content.split(/\s+/).filter(Boolean).length, type: "words" };
        return mode === "c"
          ? { count: content.length, type: "characters" }
          : error(`wc: no mode '${mode}'; there are l, w and c`);
      }),
  },
};
