import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { calendar } from "./tool.ts";

async function ask(kit: ReturnType<typeof calendar>, name: string, input: object) {
  const outcome = await callTool(toolSet(kit).get(`calendar_${name}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

const weekly = { title: "Choir", start: "2026-03-03T19:00", minutes: 90, rule: "FREQ=WEEKLY;BYDAY=TU;COUNT=6" };

test("an event that recurs keeps its local time when the clocks change", async () => {
  const kit = calendar({ events: [weekly] });
  expect(await ask(kit, "list", { from: "2026-03-24", to: "2026-03-31" })).toMatchObject({
    events: [{ start: "2026-03-24T19:00" }, { start: "2026-03-31T19:00" }],
  });
});

test("one occurrence is called off and the others stay", async () => {
  const kit = calendar({ events: [weekly] });
  await ask(kit, "cancel", { id: "event-1", start: "2026-03-10T19:00" });
  expect(await ask(kit, "list", { from: "2026-03-01", to: "2026-05-01" })).toMatchObject({
    events: ["03", "17", "24", "31"]
      .map((day) => ({ start: `2026-03-${day}T19:00` }))
      .concat({ start: "2026-04-07T19:00" }),
  });
  expect(await ask(kit, "cancel", { id: "event-1", start: "2026-03-11T19:00" })).toMatch("does not take place");
});

test("an event over midnight is listed on both days", async () => {
  const kit = calendar({ events: [{ title: "Night shift", start: "2026-03-02T22:00", minutes: 480, rule: "" }] });
  for (const day of ["2026-03-02", "2026-03-03"])
    expect(await ask(kit, "list", { from: day, to: day })).toMatchObject({ events: [{ title: "Night shift" }] });
});

test.each([
  ["now", { zone: "Asia/Tokyo" }, { local: "2026-03-02T18:00", weekday: "Monday", offset: "+09:00" }],
  [
    "convert_time",
    { time: "2026-07-01T12:00", from: "Europe/London", to: "America/New_York" },
    { local: "2026-07-01T07:00" },
  ],
  ["add", { date: "2024-01-31", months: 1 }, { date: "2024-02-29", weekday: "Thursday" }],
  ["add", { date: "2026-03-06", workdays: 1 }, { date: "2026-03-09" }],
  ["add", { date: "2026-03-09", workdays: -1 }, { date: "2026-03-06" }],
  [
    "difference",
    { from: "2026-03-02", to: "2026-03-16" },
    { days: 14, workdays: 10, years: 0, months: 0, remainingDays: 14 },
  ],
  ["difference", { from: "2026-03-07", to: "2026-03-10" }, { days: 3, workdays: 1 }],
  ["describe_date", { date: "2024-12-30" }, { isoWeek: 1, isoYear: 2025, dayOfYear: 365, isLeapYear: true }],
  ["free", { from: "2026-03-07", minutes: 60 }, { start: "2026-03-09T09:00", weekday: "Monday" }],
])("%s of %o is %o", async (name, input, expected) => {
  expect(await ask(calendar({ events: [] }), name, input)).toMatchObject(expected);
});

test.each([
  ["convert_time", { time: "2026-03-29T02:30", from: "Europe/Berlin", to: "UTC" }, "does not exist or exists twice"],
  ["convert_time", { time: "2026-03-29T02:30", from: "Berlin", to: "UTC" }, 'is "Europe/Berlin" meant?'],
  ["describe_date", { date: "2026-02-30" }, "is no date"],
  ["create", { title: "x", start: "2026-03-02T09:00", minutes: 30, rule: "FREQ=SECONDLY" }, "must begin with FREQ="],
  ["create", { title: "x", start: "2026-03-02T09:00", minutes: 30, rule: "FREQ=DAILY;BYDAY=QQ" }, "cannot be read"],
  [
    "create",
    { title: "x", start: "2026-03-02T09:00", minutes: 30, rule: "FREQ=DAILY\nRDATE:20260303" },
    "must begin with FREQ=",
  ],
  ["create", { title: "x", start: "1900-03-02T09:00", minutes: 30, rule: "FREQ=DAILY" }, "less than 10 years from now"],
  ["list", { from: "2026-03-02", to: "2036-03-02" }, "at most 400 days"],
  ["cancel", { id: "event-9" }, 'no event "event-9"'],
])("%s of %o is refused", async (name, input, message) => {
  expect(await ask(calendar({ events: [] }), name, input)).toMatch(message);
});

test("a call changes the environment's state when one is given, and the kit's own otherwise", async () => {
  const kit = calendar({ events: [] });
  const shared = { calendar: kit.snapshot() };
  const create = toolSet(kit).get("calendar_create")!;
  await callTool(create, { title: "Vet", start: "2026-03-02T09:00", minutes: 30 }, { state: shared });
  expect(shared.calendar.events).toHaveLength(1);
  expect(kit.snapshot().events).toHaveLength(0);
  kit.restore(shared.calendar);
  expect(await ask(kit, "list", { from: "2026-03-02", to: "2026-03-02" })).toMatchObject({
    events: [{ title: "Vet" }],
  });
  expect(() => kit.restore({ ...shared.calendar, evnts: [] } as never)).toThrow('is "events" meant?');
});
