/** Graphs that the machine has no memory for, in their own process. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

// Only Linux lets a process be told that memory has run out.
test.runIf(process.platform === "linux")(
  "a graph that gets no memory names where it failed, and the next one runs",
  () => {
    const program = fileURLToPath(new URL("programs/without-memory.ts", import.meta.url));
    const printed = execFileSync(process.execPath, [...fromSources, program], {
      encoding: "utf8",
    });
    const { name, code, message, left, after } = JSON.parse(printed);
    expect({ name, code, left }).toEqual({ name: "GraphError", code: "STATE", left: 0 });
    expect(message).toMatch(
      /failed at Add \[1024,262144\] of float32 \[262144\], float32 \[1024,1\]: .*(?:[Ff]ailed to allocate|bad_alloc)/, // with an arena, and without
    );
    expect(after).toBeCloseTo(((1 + Math.E) / 2) * (Math.E - 1), 4); // the mean of eˣ over [0, 1], once as it is and once times e
  },
);
