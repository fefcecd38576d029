/** A folder of the File System Access API, in memory: as much of it as `directory` uses. */
interface Node {
  content?: Uint8Array<ArrayBuffer>;
  children?: Map<string, Node>;
}

const failure = (name: string): DOMException => new DOMException(name, name);

function fileHandle(name: string, node: Node, capacity: number): unknown {
  return {
    kind: "file",
    name,
    getFile: async () => new File([node.content!], name),
    async createWritable() {
      const pieces: (Uint8Array<ArrayBuffer> | string)[] = [];
      return {
        async write(piece: Uint8Array<ArrayBuffer> | string) {
          pieces.push(piece);
          if (new Blob(pieces).size > capacity) throw failure("QuotaExceededError");
        },
        async close() {
          node.content = new Uint8Array(await new Blob(pieces).arrayBuffer());
        },
        async abort() {},
      };
    },
  };
}

function directoryHandle(name: string, node: Node, capacity: number): unknown {
  const children = node.children!;
  const wrap = (child: string, found: Node): unknown =>
    (found.children === undefined ? fileHandle : directoryHandle)(child, found, capacity);
  function find(child: string, create: Node | undefined, wanted: "content" | "children"): unknown {
    let found = children.get(child);
    if (found === undefined) {
      if (create === undefined) throw failure("NotFoundError");
      found = create;
      children.set(child, found);
    }
    if (found[wanted] === undefined) throw failure("TypeMismatchError");
    return wrap(child, found);
  }
  return {
    kind: "directory",
    name,
    async getDirectoryHandle(child: string, { create = false } = {}) {
      return find(child, create ? { children: new Map() } : undefined, "children");
    },
    async getFileHandle(child: string, { create = false } = {}) {
      return find(child, create ? { content: new Uint8Array(0) } : undefined, "content");
    },
    async removeEntry(child: string) {
      if (!children.delete(child)) throw failure("NotFoundError");
    },
    async *entries() {
      for (const [child, found] of children) yield [child, wrap(child, found)];
    },
  };
}

/**
 * An empty folder.
 *
 * @param capacity - Bytes that one file may have.
 */
export function createDirectoryHandle(capacity: number = Number.POSITIVE_INFINITY): FileSystemDirectoryHandle {
  return directoryHandle("mine", { children: new Map() }, capacity) as FileSystemDirectoryHandle;
}
