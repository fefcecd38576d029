import { result } from "@cambium/base";
import { type ModelRequest, openModels, scripted, textOf } from "@cambium/llm";
import { quickjs } from "@cambium/sandbox";
import { afterAll, expect, test } from "vitest";
import { openLibrary } from "../library/library.ts";
import { createTools } from "./create-tools.ts";

const sandbox = quickjs();
afterAll(() => sandbox.close());

const js = (code: string): string => `\`\`\`js\n${code}\n\`\`\``;
const AREA = js(
  "/** Area of a rectangle from width and height. */\nfunction area(width, height) { return width * height; }",
);

async function solve(
  question: string,
  creation: string,
  call: string,
  library: Awaited<ReturnType<typeof openLibrary>>,
) {
  const requests: ModelRequest[] = [];
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model(
    scripted((request) => {
      requests.push(request);
      return request.stage === "creation" ? creation : js(call);
    }),
  );
  const events: string[] = [];
  const end = await result(createTools({ model, sandbox, library }, { question }), (event) => {
    if (event.type === "library") events.push(event.outcome);
  });
  await llm.close();
  return { end, events, requests };
}

const print = (value: string): string => `console.log("Final Answer:", ${value});`;

test("a tool is kept, verified by use, offered to others, and made part of them", async () => {
  const library = await openLibrary(":memory:", { sandbox });
  const questions = [
    "What is the area of a field of 3 by 4?",
    "What is the area of a hall of 5 by 6?",
    "What is the area of a yard of 2 by 9?",
  ];
  const outcomes = [];
  for (const [i, question] of questions.entries()) {
    const { events } = await solve(question, AREA, print(`area(${i + 2}, 4)`), library);
    outcomes.push(...events);
  }
  expect(outcomes).toEqual(["kept", "known", "known"]);
  expect(await library.list()).toMatchObject([
    { name: "area", status: "verified", uses: { total: 3, passed: 3 }, tests: { length: 3 } },
  ]);

  const volume = js("/** Volume of a box. */\nfunction volume(a, b, c) { return area(a, b) * c; }");
  const { end, requests } = await solve(
    "What is the volume of a box with an area of 3 by 4 and a height of 2?",
    volume,
    print("volume(3, 4, 2)"),
    library,
  );
  expect(textOf(requests[0]!.messages.at(-1)!.content)).toContain("- area(width, height)\n  Area of a rectangle");
  expect(end).toMatchObject({ answer: "24", tool: { level: 1, dependencies: ["area"] } });
  const [area, box] = await library.list();
  expect(box).toMatchObject({ name: "volume", dependencies: [area!.id], tests: [{ args: [3, 4, 2], expected: 24 }] });
  expect(area!.uses.total).toBe(4);
  await library.close();
});

test("a library that cannot be written does not cost the answer", async () => {
  const library = await openLibrary(":memory:", { sandbox });
  const broken = { ...library, retrieve: async () => [], add: () => Promise.reject(new Error("the disk is full")) };
  const { end, events } = await solve("What is the area of 2 by 3?", AREA, print("area(2, 3)"), broken as never);
  expect(events).toEqual(["failed"]);
  expect(end.answer).toBe("6");
  await library.close();
});

test("a program that failed leaves nothing in the library", async () => {
  const library = await openLibrary(":memory:", { sandbox });
  const { end, events } = await solve("What is the area of 2 by 3?", AREA, "fail();", library);
  expect(end.status).toBe("failed");
  expect(events).toEqual([]);
  expect(await library.list()).toEqual([]);
  await library.close();
});
