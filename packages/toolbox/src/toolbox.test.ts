import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, onTestFinished, test } from "vitest";
import * as all from "./index.ts";
import { demonstrate, openSetting } from "./settings.ts";
import { kitIds, toolbox, toolCards } from "./toolbox.ts";

test("the toolbox has eighteen kits whose tools have different names, and says what each does to the world", async () => {
  const box = toolbox();
  onTestFinished(() => box.close());
  expect(box.kits).toHaveLength(18);
  expect(kitIds).toHaveLength(20);
  for (const tool of box) {
    expect(tool.name).toMatch(new RegExp(`^${tool.category}_[a-z_]+$`));
    expect(["none", "reads", "writes", "destroys"]).toContain(tool.effects);
    expect(tool.openWorld).toBe(false);
    expect(tool.inputSchema["additionalProperties"]).toBe(false);
  }
});

test("a toolbox's state goes out as JSON and comes back, whole or not at all", async () => {
  const box = toolbox({ kits: ["mail", "house", "calculator"] });
  onTestFinished(() => box.close());
  const start = box.snapshot();
  expect(Object.keys(start)).toEqual(["mail", "house"]);
  expect(JSON.parse(JSON.stringify(start))).toEqual(start);
  await callTool(toolSet(box).get("mail_send")!, { to: ["a@example.com"], subject: "s", body: "b" });
  const later = box.snapshot();
  expect(later).not.toEqual(start);
  box.restore(start);
  expect(box.snapshot()).toEqual(start);
  expect(() => box.restore({ mail: later["mail"]!, house: { room: 3 } as never })).toThrow(
    expect.objectContaining({ code: "CONFIG" }),
  );
  expect(box.snapshot()).toEqual(start);
  expect(() => box.restore({ ...start, garage: null })).toThrow('no kit "garage"');
});

test("two runs over one toolbox, each with a state of its own, do not meet", async () => {
  const box = toolbox({ kits: ["shop"] });
  onTestFinished(() => box.close());
  const [first, second] = [box.snapshot(), box.snapshot()];
  const { products } = first["shop"] as unknown as all.ShopState;
  const options = Object.fromEntries(Object.entries(products[0]!.options).map(([name, values]) => [name, values[0]!]));
  await callTool(toolSet(box).get("shop_add")!, { id: "p1", options }, { state: first });
  expect((first["shop"] as unknown as all.ShopState).basket).toHaveLength(1);
  expect([second, box.snapshot()]).toEqual([second, second]);
  expect((second["shop"] as unknown as all.ShopState).basket).toHaveLength(0);
});

test("a kit of the caller takes the place of the bundled one", async () => {
  const mine = all.catalogue({ seed: 99 });
  const box = toolbox({ kits: ["calculator", "catalogue"], replace: [mine, all.files({ seed: 1 })] });
  onTestFinished(() => box.close());
  expect(box.kits.map(({ id }) => id)).toEqual(["calculator", "catalogue", "files"]);
  expect(box.kits[1]).toBe(mine);
});

test("cards of another seed ask other things, and more of each kind are as many as asked for", async () => {
  const [[a], [b], [more]] = await Promise.all([
    toolCards({ seed: 1, kits: ["units"] }),
    toolCards({ seed: 2, kits: ["units"] }),
    toolCards({ seed: 1, kits: ["units"], each: 30 }),
  ]);
  expect(a!.tasks.map(({ instruction }) => instruction)).not.toEqual(b!.tasks.map(({ instruction }) => instruction));
  expect(more!.tasks).toHaveLength(30 * 7);
});

test("the three settings give no tools, tools, and tools with demonstrations that are not in the card", async () => {
  const [card] = await toolCards({ kits: ["mail"] });
  const [none, zero, few] = await Promise.all(
    (["no-tool", "zero-shot", "few-shot"] as const).map((setting) => openSetting("mail", setting)),
  );
  expect(none!.tools).toEqual([]);
  expect(zero!.tools.map(({ name }) => name)).toEqual(few!.tools.map(({ name }) => name));
  expect(zero!.tools.flatMap(({ examples }) => examples)).toEqual([]);
  expect(few!.demonstrations).toHaveLength(3);
  expect(few!.tools.flatMap(({ examples }) => examples).length).toBeGreaterThanOrEqual(3);
  const asked = card!.tasks.map(({ instruction }) => instruction);
  for (const { instruction } of few!.demonstrations) expect(asked).not.toContain(instruction);
});

test("a task is judged by the answer and the environment's state", async () => {
  const opened = await openSetting("mail", "zero-shot");
  onTestFinished(() => opened.close());
  const [card] = await toolCards({ kits: ["mail"] });
  const task = card!.tasks.find(({ kind }) => kind === "file")!;
  const state = opened.state();
  const answer = await task.expert(async (name, input) => {
    const outcome = await callTool(opened.tools.find((tool) => tool.name === name)!, input, { state });
    return (outcome.ok ? outcome.value : undefined) as never;
  });
  expect(opened.succeeds(task, { answer, state })).toBe(true);
  expect(opened.succeeds(task, { answer, state: opened.state() })).toBe(false);
  expect(opened.succeeds(task, { answer })).toBe(false);
});

test.each([["calculator"], ["weather"], ["slides"]])(
  "demonstrations of %s are of different kinds, and the same for the same seed",
  async (kit) => {
    const runs = await demonstrate(kit, { seed: 3, shots: 4 });
    expect(new Set(runs.map(({ task }) => task.split("/")[1])).size).toBe(4);
    expect(await demonstrate(kit, { seed: 3, shots: 4 })).toEqual(runs);
  },
);

const refused: Readonly<Record<string, (unknown: never) => unknown>> = {
  toolbox: (unknown) => toolbox(unknown),
  toolCards: (unknown) => toolCards(unknown),
  demonstrate: (unknown) => demonstrate("mail", unknown),
  openSetting: (unknown) => openSetting("mail", "no-tool", unknown),
  openWorld: (unknown) => all.openWorld(unknown),
  cardEvaluation: (unknown) => all.cardEvaluation(unknown),
  expertPolicy: (unknown) => all.expertPolicy(unknown),
  expertTrajectories: (unknown) => all.expertTrajectories(unknown).next(),
  calendar: (unknown) => all.calendar(unknown),
  catalogue: (unknown) => all.catalogue(unknown),
  files: (unknown) => all.files(unknown),
  house: (unknown) => all.house(unknown),
  mail: (unknown) => all.mail(unknown),
  maps: (unknown) => all.maps(unknown),
  runCode: (unknown) => all.runCode(unknown),
  search: (unknown) => all.search(unknown),
  shop: (unknown) => all.shop(unknown),
  spreadsheet: (unknown) => all.spreadsheet(unknown),
  stocks: (unknown) => all.stocks(unknown),
  tables: (unknown) => all.tables(unknown),
  units: (unknown) => all.units(unknown),
  weather: (unknown) => all.weather(unknown),
};
const without = [
  "calculator",
  "chemistry",
  "draw",
  "knowledge",
  "slides",
  "translate",
  "readTables",
  "runExpert",
  "sampleRates",
  "tableFromCsv",
  "tableFromJson",
];

test("every exported function either has options that are checked, or none", () => {
  const functions = Object.entries(all).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  expect(functions.sort()).toEqual([...Object.keys(refused), ...without].sort());
});

test.each(Object.entries(refused))("%s refuses an option that does not exist", async (name, call) => {
  await expect((async () => call({ sede: 1 } as never))()).rejects.toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(name) }),
  );
});

test.each([
  [() => toolbox({ kits: ["mial"] }), 'is "mail" meant?'],
  [() => toolbox({ seed: 1.5 }), "seed must be an integer"],
  [() => toolbox({ clock: "2026-03-02" }), "clock must be an instant"],
  [() => toolCards({ each: 0 }), "each must be"],
  [() => openSetting("mail", "one-shot" as never), "setting must be"],
  [() => demonstrate("mail", { shots: 99 }), "shots must be"],
])("what cannot be meant is refused: %o", async (call, message) => {
  await expect((async () => call())()).rejects.toThrow(message);
});
