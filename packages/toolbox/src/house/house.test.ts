import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import type { HouseState } from "./sample.ts";
import { house } from "./tool.ts";

const start: HouseState = {
  room: "hall",
  doors: [["hall", "kitchen"]],
  furniture: [
    { name: "shoe rack", room: "hall", isContainer: false, isOpen: false },
    { name: "fridge", room: "kitchen", isContainer: true, isOpen: false },
  ],
  things: [
    { name: "keys", place: "shoe rack" },
    { name: "torch", place: "shoe rack" },
    { name: "scarf", place: "shoe rack" },
    { name: "lemon", place: "fridge" },
  ],
  devices: [{ name: "hall lamp", room: "hall", isOn: false, degrees: null }],
};

async function ask(kit: ReturnType<typeof house>, verb: string, input: object = {}): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`house_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("what is in closed furniture is neither seen nor taken, and after opening it is", async () => {
  const kit = house({ start });
  expect(JSON.stringify(await ask(kit, "go", { room: "kitchen" }))).not.toContain("lemon");
  expect(await ask(kit, "take", { thing: "lemon" })).toMatch("look around first");
  expect(await ask(kit, "open", { furniture: "fridge" })).toMatchObject({ in: ["lemon"] });
  expect(await ask(kit, "take", { thing: "lemon" })).toEqual({ carrying: ["lemon"] });
});

test("things are carried from room to room, two at most, and lie where they were put", async () => {
  const kit = house({ start });
  await ask(kit, "take", { thing: "keys" });
  await ask(kit, "take", { thing: "torch" });
  expect(await ask(kit, "take", { thing: "scarf" })).toMatch("put one down first");
  await ask(kit, "go", { room: "kitchen" });
  expect(await ask(kit, "put", { thing: "keys", furniture: "fridge" })).toMatch("open it first");
  await ask(kit, "open", { furniture: "fridge" });
  expect(await ask(kit, "put", { thing: "keys", furniture: "fridge" })).toMatchObject({ in: ["keys", "lemon"] });
  expect(kit.snapshot().things.map(({ place }) => place)).toEqual(["fridge", "hands", "shoe rack", "fridge"]);
});

test.each([
  ["go", { room: "attic" }, "there are doors to kitchen"],
  ["take", { thing: "keyz" }, 'is "keys" meant?'],
  ["open", { furniture: "shoe rack" }, "cannot be opened"],
  ["open", { furniture: "fridge" }, "no furniture"],
  ["put", { thing: "keys", furniture: "shoe rack" }, "no carried thing"],
  ["switch", { device: "hall lamp", on: true, degrees: 20 }, "has no temperature"],
])("%s of %o is refused and changes nothing", async (verb, input, message) => {
  const kit = house({ start });
  expect(await ask(kit, verb, input)).toMatch(message);
  expect(kit.snapshot()).toEqual(start);
});
