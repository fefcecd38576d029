import { type Json, type JsonObject, result } from "@cambium/base";
import { runEvaluation } from "@cambium/evaluation";
import { describe, expect, test } from "vitest";
import { calls, scriptedModel } from "../../agent/agent.fixture.ts";
import { read } from "../benchmarks.fixture.ts";
import { checkCalls, goldCalls, type MadeCall } from "./check-calls.ts";
import { type BfclExpected, type BfclTask, parseBfcl } from "./row.ts";
import { bfcl, bfclGrader } from "./solver.ts";

const WITH_GOLD = [
  "simple_python",
  "simple_javascript",
  "multiple",
  "parallel",
  "parallel_multiple",
  "live_simple",
  "live_parallel",
  "live_parallel_multiple",
];

/** Rows whose right answer nothing fits: an accepted list of theirs is empty. */
const UNSATISFIABLE = ["live_simple_106-63-0", "live_simple_112-68-0"];

const rowsOf = (category: string) => parseBfcl(read(`${category}.jsonl`), category);
const expectedOf = ({ answer }: { readonly answer: string }): BfclExpected => JSON.parse(answer) as BfclExpected;
const all = WITH_GOLD.flatMap((category) => rowsOf(category).map((row) => ({ row, expected: expectedOf(row) })));
const sound = all.filter(({ row }) => !UNSATISFIABLE.includes(row.id));

test("the right calls of every row pass, but for two rows that nothing fits", () => {
  const failed = all
    .filter(({ expected }) => checkCalls(expected, goldCalls(expected)) !== undefined)
    .map(({ row }) => row.id);
  expect(failed).toEqual(all.map(({ row }) => row.id).filter((id) => UNSATISFIABLE.includes(id)));
});

type Mutation = (expected: BfclExpected, made: readonly MadeCall[]) => readonly MadeCall[] | undefined;

const first = (
  made: readonly MadeCall[],
  change: (call: MadeCall) => MadeCall | undefined,
): readonly MadeCall[] | undefined => {
  const changed = change(made[0]!);
  return changed === undefined ? undefined : [changed, ...made.slice(1)];
};

const argumentsOf = ({ arguments: given }: MadeCall) => given as JsonObject;
const withArgument = (call: MadeCall, name: string, value: Json): MadeCall => ({
  ...call,
  arguments: { ...argumentsOf(call), [name]: value },
});

/** The arguments of the first call, with what is accepted for each. */
function accepted({ gold }: BfclExpected): readonly (readonly [name: string, values: readonly Json[]])[] {
  return Object.entries(Object.values(gold[0]!)[0]!);
}

const kind = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

/** The type that a document asks for. */
const asked = ({ functions, gold }: BfclExpected, argument: string): string => {
  const document = functions.find(({ name }) => name === Object.keys(gold[0]!)[0]);
  return String(
    (document!.parameters as { properties?: Record<string, { type?: string }> }).properties?.[argument]?.type ?? "any",
  );
};

const MUTATIONS: Readonly<Record<string, { readonly code: string; readonly change: Mutation }>> = {
  name: { code: "wrong_func_name", change: (_, made) => first(made, (call) => ({ ...call, name: `${call.name}_x` })) },
  missing: {
    code: "missing_required",
    change({ functions, gold }, made) {
      const required = (functions.find(({ name }) => name === Object.keys(gold[0]!)[0])?.parameters["required"] ??
        []) as readonly string[];
      return first(made, (call) => {
        const name = required.find((each) => Object.hasOwn(argumentsOf(call), each));
        if (name === undefined) return undefined;
        const { [name]: _, ...rest } = argumentsOf(call);
        return { ...call, arguments: rest as JsonObject };
      });
    },
  },
  extra: {
    code: "unexpected_param",
    change: (_, made) => first(made, (call) => withArgument(call, "no_such_parameter", 1)),
  },
  type: {
    code: "type_error",
    change: (expected, made) =>
      first(made, (call) => {
        for (const [name, values] of accepted(expected)) {
          const type = asked(expected, name);
          if (!Object.hasOwn(argumentsOf(call), name) || type === "any" || type === "") continue;
          const other = ([{ a: 1 }, 12.5, true, ["x"]] as Json[]).find((value) => {
            const isOfType =
              {
                dict: "object",
                integer: "number",
                float: "number",
                tuple: "array",
                String: "string",
                Boolean: "boolean",
              }[type] ?? type;
            return kind(value) !== isOfType && values.every((each) => kind(each) !== kind(value));
          });
          if (other !== undefined) return withArgument(call, name, other);
        }
        return undefined;
      }),
  },
  value: {
    code: "value_error",
    change: (expected, made) =>
      first(made, (call) => {
        const [name, value] =
          Object.entries(argumentsOf(call)).find(([, each]) => kind(each) !== "null" && kind(each) !== "boolean") ?? [];
        if (name === undefined) {
          const [flag] =
            accepted(expected).find(
              ([each, values]) => typeof argumentsOf(call)[each] === "boolean" && values.length === 1,
            ) ?? [];
          return flag === undefined ? undefined : withArgument(call, flag, !(argumentsOf(call)[flag] as boolean));
        }
        const changed: Json =
          typeof value === "number"
            ? value + 987_654
            : typeof value === "string"
              ? `${value} zebra`
              : Array.isArray(value)
                ? [...(value as Json[]), ...(value.length === 0 ? [987_654] : [value[0] as Json])]
                : { ...(value as JsonObject), zebra: 1 };
        return withArgument(call, name, changed);
      }),
  },
  count: { code: "wrong_count", change: (_, made) => [...made, made[0]!] },
};

test.each(Object.entries(MUTATIONS))(
  "right calls with a wrong %s never pass, and the code says what is wrong",
  (_, { code, change }) => {
    const wrong: string[] = [];
    let applied = 0;
    for (const { row, expected } of sound) {
      const changed = change(expected, goldCalls(expected));
      if (changed === undefined) continue;
      applied++;
      const fault = checkCalls(expected, changed);
      const isSet = expected.kind === "set" && code !== "wrong_count";
      // In a set the closest call may be another one than that which was changed, with a fault of its own.
      if (isSet ? fault?.code !== "no_match" : fault?.code !== code) wrong.push(`${row.id}: ${JSON.stringify(fault)}`);
    }
    expect(wrong).toEqual([]);
    expect(applied).toBeGreaterThan(sound.length * 0.9);
  },
);

describe("calls", () => {
  const functions = [
    {
      name: "f",
      description: "",
      parameters: {
        type: "dict",
        properties: {
          s: { type: "string" },
          n: { type: "integer" },
          l: { type: "array", items: { type: "float" } },
          d: { type: "dict" },
        },
        required: ["s"],
      },
    },
  ];
  const expected = (wanted: object, kind: BfclExpected["kind"] = "one"): BfclExpected => ({
    kind,
    functions,
    gold: [{ f: wanted as never }],
  });
  const code = (given: Json, wanted: object) => checkCalls(expected(wanted), [{ name: "f", arguments: given }])?.code;

  test.each<[what: string, given: Json, wanted: object, code: string | undefined]>([
    ["texts without regard to spaces, marks and case", { s: "New-York, NY" }, { s: ["new york NY"] }, undefined],
    ["quotes of either kind as one", { s: `say "hi"` }, { s: ["say 'hi'"] }, undefined],
    ["an argument that may be left out", { s: "a" }, { s: ["a"], n: [3, ""] }, undefined],
    ["an argument that the request asks for", { s: "a" }, { s: ["a"], n: [3] }, "missing_optional"],
    ["whole numbers as floats", { s: "a", l: [1, 2.5] }, { s: ["a"], l: [[1, 2.5]] }, undefined],
    ["fractions as no integers", { s: "a", n: 2.5 }, { s: ["a"], n: [2] }, "type_error"],
    [
      "a name of a variable where the right answer has one",
      { s: "a", l: "myList" },
      { s: ["a"], l: ["myList"] },
      undefined,
    ],
    [
      "objects key by key",
      { s: "a", d: { k: "X", m: 1 } },
      { s: ["a"], d: [{ k: ["x", "y"], m: [1], o: ["", 2] }] },
      undefined,
    ],
    ["objects with a key too many", { s: "a", d: { k: "x", z: 1 } }, { s: ["a"], d: [{ k: ["x"] }] }, "value_error"],
    ["objects with a key too few", { s: "a", d: {} }, { s: ["a"], d: [{ k: ["x"] }] }, "value_error"],
    ["lists in their order", { s: "a", l: [2, 1] }, { s: ["a"], l: [[1, 2]] }, "value_error"],
    ["arguments that are no object as wrong", "s=a", { s: ["a"] }, "type_error"],
    ["inherited names as none", JSON.parse('{"s":"a","constructor":1}'), { s: ["a"] }, "unexpected_param"],
  ])("take %s", (_, given, wanted, want) => {
    expect(code(given, wanted)).toBe(want);
  });

  test("of a set are matched in the best way, not in the first", () => {
    const gold = [{ f: { s: ["a", "b"] } }, { f: { s: ["a"] } }] as never;
    expect(
      checkCalls({ kind: "set", functions, gold }, [
        { name: "f", arguments: { s: "a" } },
        { name: "f", arguments: { s: "b" } },
      ]),
    ).toBeUndefined();
    const fault = checkCalls({ kind: "set", functions, gold }, [
      { name: "f", arguments: { s: "a" } },
      { name: "f", arguments: { s: "c" } },
    ]);
    expect(fault).toMatchObject({ code: "no_match", closest: "value_error" });
  });

  test("are none where none fits, and some where one is needed", () => {
    const made = [{ name: "f", arguments: {} }];
    expect(checkCalls(expected({}, "none"), made)?.code).toBe("wrong_count");
    expect(checkCalls(expected({}, "none"), [])).toBeUndefined();
    expect(checkCalls(expected({}, "some"), [])?.code).toBe("wrong_count");
    expect(checkCalls(expected({}, "some"), made)).toBeUndefined();
  });
});

describe("an evaluation", () => {
  const categories = [...WITH_GOLD, "irrelevance", "live_relevance"];
  const rows = categories
    .flatMap((category) => rowsOf(category).slice(0, 3))
    .filter(({ id }) => !UNSATISFIABLE.includes(id));
  const rightOf = new Map(rows.map((row) => [row.question, goldCalls(expectedOf(row))]));

  test.each(["native", "text"] as const)(
    "by a model that always calls right is right in every category (%s)",
    async (calling) => {
      const { model } = await scriptedModel(({ messages, tools = [] }) => {
        const asked = String(messages.at(-1)!.content);
        const made = rightOf
          .get(asked)!
          .map(({ name, arguments: given }) => [name.replaceAll(".", "_"), given] as const);
        const some =
          /sort me|painting|image|portrait|style/i.test(asked) && made.length === 0
            ? [[tools[0]?.name ?? "search_engine_query", {}] as const]
            : made;
        if (calling === "text")
          return some.length === 0
            ? "None fits."
            : `\`\`\`json\n${JSON.stringify(some.map(([tool, given]) => ({ tool, arguments: given })))}\n\`\`\``;
        return some.length === 0 ? "None fits." : calls(...(some as never[]));
      });
      const judged = rows.filter(({ subject }) => subject !== "live_relevance");
      const { summary } = await result(
        runEvaluation<BfclTask>(bfcl({ model, calling }), judged, { grader: bfclGrader }),
      );
      expect(summary.accuracy["bfcl"]).toMatchObject({ count: judged.length, rate: 1 });
      expect(summary.groups["subject"]!.map(({ name }) => name)).toEqual(
        [...new Set(judged.map(({ subject }) => subject))].sort((a, b) => a!.localeCompare(b!, "en")),
      );
    },
  );

  test("counts what a model does wrong as wrong, and leaves rows open that a provider failed", async () => {
    const { model } = await scriptedModel([
      { reply: calls(["no_such_function", {}]) },
      { reply: calls(["calculate_triangle_area", "{not json"]) },
      { reply: "I would rather not." },
      { reply: { error: { status: 503, message: "down" } } },
    ]);
    const four = rowsOf("simple_python").slice(0, 4);
    const end = await result(runEvaluation<BfclTask>(bfcl({ model }), four, { grader: bfclGrader, concurrency: 1 }));
    expect(end).toMatchObject({
      open: 1,
      summary: { total: 3, wrong: { count: 3 }, accuracy: { bfcl: { count: 0 } } },
    });
  });
});

test.each<[what: string, text: string, code: string]>([
  ["a line that is no JSON", "{", "FORMAT"],
  ["a row without functions", '{"id":"a","question":[[{"role":"user","content":"x"}]]}', "CONFIG"],
  ["a row without right calls", '{"id":"a","question":[[{"role":"user","content":"x"}]],"function":[]}', "FORMAT"],
])("%s is refused", (_, text, code) => {
  expect(() => parseBfcl(text, "simple_python")).toThrow(expect.objectContaining({ code }));
});
