/** CREATOR with tools in Python, from the question to the library. A script answers in the model's place. */

import { result } from "@cambium/base";
import { type ModelRequest, openModels, type Step as ScriptStep, scripted, textOf } from "@cambium/llm";
import { python } from "@cambium/sandbox";
import { hasPython } from "@cambium/sandbox/testing";
import { afterAll, expect, test } from "vitest";
import { programOfThought } from "../baselines/program-of-thought.ts";
import { openLibrary } from "../library/library.ts";
import type { ToolLibrary } from "../library/tool-library.ts";
import { createTools } from "./create-tools.ts";

const pythonTest = test.runIf(hasPython);
const sandbox = python({ limits: { wallMs: 20_000 } });
afterAll(() => sandbox.close());

const py = (code: string): string => `\`\`\`python\n${code}\n\`\`\``;
const at = (stage: string, reply: string): ScriptStep => ({ when: { stage }, reply });
const print = (value: string): string => py(`print("Final Answer:", ${value})`);

async function play(question: string, script: readonly ScriptStep[], library?: ToolLibrary) {
  const requests: ModelRequest[] = [];
  const source = scripted(script);
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model({
    ...source,
    generate: (request, context) => {
      requests.push(request);
      return source.generate(request, context);
    },
  });
  const options = { model, sandbox, ...(library === undefined ? {} : { library }) };
  const kept: string[] = [];
  const end = await result(createTools(options, { question, answerKind: "number" }), (event) => {
    if (event.type === "library") kept.push(event.message ?? event.outcome);
  });
  source.finish();
  await llm.close();
  return { end, kept, shown: requests.map(({ messages }) => textOf(messages.at(-1)!.content)) };
}

const AREA = py(`from __future__ import annotations
import math

def area(width: float, height: float = 1) -> float:
    """Area of a rectangle from width and height.

    Returns:
        float: The area.
    """
    return math.prod([width, height])`);

pythonTest("a tool is made, called by its keywords, and answers", async () => {
  const call = py('result = {area(width=3, height=4)}\nprint("Final Answer:", f"{result.pop():.1f}")');
  const { end, shown } = await play("How large is 3 by 4?", [at("creation", AREA), at("decision", call)]);
  expect(end).toMatchObject({
    status: "done",
    answer: "12.0",
    firstTry: true,
    labels: { "level of creation": "by itself" },
  });
  expect(end.tool).toMatchObject({
    name: "area",
    parameters: ["width: float", "height: float = 1"],
    documentation: "Area of a rectangle from width and height.\n\nReturns:\nfloat: The area.",
    valid: true,
  });
  expect(shown[0]).toContain("Write one Python function");
  expect(shown[0]).toContain(
    "only these can be imported, no others and none that has to be installed: __future__, abc,",
  );
  expect(shown[0]).toContain("def leftover(items: int");
  expect(shown.join()).not.toMatch(/JavaScript|console\.log|rational\(/);
});

pythonTest("what fails goes back with its line, and a repair may be of one part", async () => {
  const { end, shown } = await play("How large is 3 by 4?", [
    at("creation", py("import numpy\ndef area(a, b):\n    return numpy.prod([a, b])")),
    at("creation", AREA),
    at("decision", py("sides = [3]\nprint('Final Answer:', area(sides[0], sides[1]))")),
    at("rectification", py("# part: call\nprint('Final Answer:', area(3, None))")),
    at("rectification", py("# part: tool\ndef area(width, height):\n    return width * (height or 4)")),
  ]);
  expect(end).toMatchObject({ status: "done", answer: "12", firstTry: false });
  expect(end.trajectory.steps.map(({ stage }) => stage).join(" ")).toBe(
    "creation load-check creation load-check decision execution rectification execution rectification execution",
  );
  expect(end.trajectory.steps[1]).toMatchObject({
    failure: { code: "GUEST_ERROR", message: expect.stringContaining("no module named 'numpy'; there are") },
  });
  expect(shown[3]).toContain(
    "IndexError: list index out of range\n    at call:2\n        print('Final Answer:', area(sides[0], sides[1]))",
  );
  expect(shown[4]).toMatch(/TypeError: unsupported operand[^\n]*\n {4}at area \(tool:10\)\n {8}return math\.prod/);
  expect(end.tool.source).toContain("height or 4");
});

pythonTest("tools are kept, verified by use, offered to others, and made part of them", async () => {
  const library = await openLibrary(":memory:", { sandbox });
  const outcomes = [];
  for (const [i, question] of ["Area of a field?", "Area of a hall?", "Area of a yard?"].entries()) {
    const script = [at("creation", AREA), at("decision", print(`area(height=${i + 2}, width=3)`))];
    outcomes.push(...(await play(question, script, library)).kept);
  }
  expect(outcomes).toEqual(["kept", "known", "known"]);
  const [area] = await library.list();
  expect(area).toMatchObject({
    language: "python",
    status: "verified",
    tests: [{ args: [3, 2], expected: 6 }, {}, {}],
  });

  const volume = py('def volume(a, b, c):\n    """Volume of a box."""\n    return area(a, b) * c');
  const script = [at("creation", volume), at("decision", print("volume(3, 4, 2)"))];
  const { end, kept, shown } = await play("Volume of a box on an area of 3 by 4, 2 high?", script, library);
  expect(shown[0]).toContain("- area(width: float, height: float = 1)\n  Area of a rectangle");
  expect(kept).toEqual(["kept"]);
  expect(end).toMatchObject({ answer: "24", tool: { level: 1, dependencies: ["area"] } });
  expect((await library.list())[1]).toMatchObject({
    dependencies: [area!.id],
    tests: [{ args: [3, 4, 2], expected: 24 }],
  });
  await library.close();
});

pythonTest("a whole program answers too, with its repair", async () => {
  const script = scripted([
    at("program", py("print('Final Answer:', math.sqrt(16))")),
    at("rectification", py("import math\nprint('Final Answer:', math.isqrt(16))")),
  ]);
  const llm = await openModels({ store: ":memory:" });
  const solver = programOfThought({ model: llm.model(script), sandbox, rounds: 1 });
  expect(await result(solver.solve({ question: "Root of 16?" }))).toMatchObject({ answer: "4", firstTry: false });
  script.finish();
  await llm.close();
});
