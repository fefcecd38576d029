import { makeCard, type TaskKind, type ToolCard } from "../card.ts";
import { givesNumber, mentions, names } from "../checks.ts";
import type { Random } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { type CalendarEvent, type CalendarState, type Occurrence, sampleCalendar } from "./events.ts";

const ZONE = "Europe/Berlin";
const DAY_MS = 86_400_000;
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const CITIES: readonly (readonly [city: string, zone: string])[] = [
  ["New York", "America/New_York"],
  ["Tokyo", "Asia/Tokyo"],
  ["Sydney", "Australia/Sydney"],
  ["London", "Europe/London"],
  ["Kolkata", "Asia/Kolkata"],
  ["Los Angeles", "America/Los_Angeles"],
  ["Nairobi", "Africa/Nairobi"],
];

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function someDay(random: Random): number {
  return Date.UTC(random.integer(1950, 2060), random.integer(0, 11), random.integer(1, 28));
}

/** The clock of a zone at a moment, by Intl. */
function wall(ms: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" }).format(ms);
  return parts.replace(" ", "T");
}

const dates: Readonly<Record<string, TaskKind>> = {
  weekday(random) {
    const day = someDay(random);
    const right = WEEKDAYS[new Date(day).getUTCDay()]!;
    return {
      instruction: random.pick([
        `On which day of the week does ${iso(day)} fall?`,
        `Which weekday was or will be ${iso(day)}?`,
      ]),
      expert: async (call) =>
        `It is a ${(await call<{ weekday: string }>("calendar_describe_date", { date: iso(day) })).weekday}.`,
      succeeds: ({ answer }) => names(answer, [right], WEEKDAYS),
    };
  },
  days(random) {
    const from = someDay(random);
    const count = random.integer(30, 9000);
    const [a, b] = [iso(from), iso(from + count * DAY_MS)];
    const instruction = `How many days are there from ${a} to ${b}?`;
    return {
      instruction,
      expert: async (call) =>
        `There are ${(await call<{ days: number }>("calendar_difference", { from: a, to: b })).days} days.`,
      succeeds: ({ answer }) => givesNumber(answer, count, { instruction }),
    };
  },
  deadline(random) {
    const from = someDay(random);
    const weeks = random.integer(2, 60);
    const days = random.integer(1, 6);
    const right = iso(from + (7 * weeks + days) * DAY_MS);
    return {
      instruction: `An offer of ${iso(from)} is open for ${weeks} weeks and ${days} days. On which date does it end? Answer as year-month-day.`,
      expert: async (call) =>
        `It ends on ${(await call<{ date: string }>("calendar_add", { date: iso(from), weeks, days })).date}.`,
      succeeds: ({ answer }) => answer.includes(right),
    };
  },
  zones(random) {
    const [from, to] = random.sample(CITIES, 2) as [(typeof CITIES)[number], (typeof CITIES)[number]];
    // From December to February and from May to August no clock is changed, and each hour exists once.
    const ms = Date.UTC(
      2026,
      random.pick([0, 5, 6, 11]),
      random.integer(5, 25),
      random.integer(0, 23),
      random.pick([0, 30]),
    );
    const [start, end] = [wall(ms, from[1]), wall(ms, to[1])];
    return {
      instruction: `When it is ${start.slice(11)} on ${start.slice(0, 10)} in ${from[0]}, what date and time is it in ${to[0]}? Use the 24-hour clock.`,
      async expert(call) {
        const { local } = await call<{ local: string }>("calendar_convert_time", {
          time: start,
          from: from[1],
          to: to[1],
        });
        return `It is ${local.slice(11)} on ${local.slice(0, 10)}.`;
      },
      succeeds: ({ answer }) => answer.includes(end.slice(11)) && answer.includes(end.slice(0, 10)),
    };
  },
};

const eventsOf = (state: unknown): readonly CalendarEvent[] => (state as CalendarState).events;

function events(start: CalendarState): Readonly<Record<string, TaskKind>> {
  const once = start.events.filter(({ rule }) => rule === "");
  const again = start.events.filter(({ rule }) => rule !== "");
  const others = (event: CalendarEvent): string[] =>
    start.events.filter(({ id }) => id !== event.id).map(({ title }) => title);
  const unchanged = (state: unknown, except: string): boolean =>
    start.events.every(
      (event) =>
        event.id === except ||
        JSON.stringify(eventsOf(state).find(({ id }) => id === event.id)) === JSON.stringify(event),
    );
  return {
    look(random) {
      const event = random.pick(once);
      const day = event.start.slice(0, 10);
      const time = event.start.slice(11);
      return {
        instruction: random.pick([
          `What is in my calendar on ${day} at ${time}?`,
          `Which event of mine begins at ${time} on ${day}?`,
        ]),
        async expert(call) {
          const { events } = await call<{ events: Occurrence[] }>("calendar_list", { from: day, to: day });
          return `${events.find(({ start }) => start.endsWith(time))?.title}.`;
        },
        succeeds: ({ answer }) => names(answer, [event.title], others(event)),
      };
    },
    create(random) {
      const day = iso(Date.parse(once[0]!.start.slice(0, 10)) + random.integer(30, 90) * DAY_MS);
      const title = random.pick([
        "Haircut",
        "Eye test",
        "Tax adviser",
        "Choir rehearsal",
        "Viewing of the flat",
        "Vet",
      ]);
      const begin = `${day}T${random.integer(10, 16)}:${random.pick(["00", "30"])}`;
      const minutes = random.pick([30, 45, 60]);
      return {
        instruction: `Put "${title}" into my calendar on ${day} at ${begin.slice(11)}, for ${minutes} minutes.`,
        async expert(call) {
          await call("calendar_create", { title, start: begin, minutes });
          return `"${title}" is in your calendar.`;
        },
        succeeds: ({ state }) => {
          const added = eventsOf(state).filter(({ id }) => !start.events.some((event) => event.id === id));
          const [event] = added;
          return (
            added.length === 1 &&
            unchanged(state, "") &&
            event!.title.toLowerCase() === title.toLowerCase() &&
            event!.start === begin &&
            event!.minutes === minutes &&
            event!.rule === ""
          );
        },
      };
    },
    move(random) {
      const event = random.pick(once);
      const time = `${random.integer(10, 16)}:${random.pick(["05", "20", "40"])}`;
      const day = event.start.slice(0, 10);
      return {
        instruction: `Move "${event.title}" on ${day} to ${time} of the same day.`,
        async expert(call) {
          const { events } = await call<{ events: Occurrence[] }>("calendar_list", { from: day, to: day });
          await call("calendar_move", {
            id: events.find(({ title }) => title === event.title)!.id,
            start: `${day}T${time}`,
          });
          return "It is moved.";
        },
        succeeds: ({ state }) =>
          eventsOf(state).length === start.events.length &&
          unchanged(state, event.id) &&
          eventsOf(state).find(({ id }) => id === event.id)?.start === `${day}T${time}`,
      };
    },
    cancel(random) {
      const event = random.pick(again);
      const day = event.start.slice(0, 10);
      return {
        instruction: `"${event.title}" comes again and again. Call off only the one on ${day}; the others stay.`,
        async expert(call) {
          const { events } = await call<{ events: Occurrence[] }>("calendar_list", { from: day, to: day });
          const found = events.find(({ title }) => title === event.title)!;
          await call("calendar_cancel", { id: found.id, start: found.start });
          return `"${event.title}" on ${day} is called off.`;
        },
        succeeds: ({ state }) => {
          const now = eventsOf(state).find(({ id }) => id === event.id);
          return (
            eventsOf(state).length === start.events.length &&
            unchanged(state, event.id) &&
            now?.rule === event.rule &&
            now.start === event.start &&
            JSON.stringify(now.except) === JSON.stringify([event.start])
          );
        },
      };
    },
    free(random) {
      const minutes = random.pick([60, 120, 180]);
      const day = iso(Date.parse(once[0]!.start.slice(0, 10)) + random.integer(40, 60) * DAY_MS);
      return {
        instruction: `When am I first free for ${minutes} minutes on a working day between 9 and 17, from ${day} on? Give the date and the time.`,
        async expert(call) {
          const { start } = await call<{ start: string }>("calendar_free", { from: day, minutes });
          return `On ${start.slice(0, 10)} at ${start.slice(11)}.`;
        },
        succeeds({ answer }) {
          const { date, time } = firstFree(start, day, minutes);
          return mentions(answer, date) && mentions(answer, time);
        },
      };
    },
  };
}

/** By counting quarters of hours; the sample's rules are weekly, fortnightly, or the first of a weekday in a month. */
function firstFree({ events }: CalendarState, from: string, minutes: number): { date: string; time: string } {
  const takes = (event: CalendarEvent, day: number): boolean => {
    const first = Date.parse(event.start.slice(0, 10));
    if (day < first || event.rule === "") return day === first;
    const code = WEEKDAYS[new Date(day).getUTCDay()]!.slice(0, 2).toUpperCase();
    if (event.rule.includes("1WE")) return code === "WE" && new Date(day).getUTCDate() <= 7;
    if (event.rule.includes("INTERVAL=2") && Math.floor((day - first) / DAY_MS / 7) % 2 === 1) return false;
    return event.rule.split("BYDAY=")[1]!.split(",").includes(code);
  };
  const minuteOf = (text: string): number => Number(text.slice(11, 13)) * 60 + Number(text.slice(14, 16));
  for (let day = Date.parse(from); ; day += DAY_MS) {
    if ([0, 6].includes(new Date(day).getUTCDay())) continue;
    const taken = events
      .filter((event) => takes(event, day))
      .map((event) => [minuteOf(event.start), minuteOf(event.start) + event.minutes] as const);
    for (let start = 540; start + minutes <= 1020; start += 15) {
      if (taken.every(([a, b]) => b <= start || a >= start + minutes))
        return {
          date: iso(day),
          time: `${String(Math.floor(start / 60)).padStart(2, "0")}:${String(start % 60).padStart(2, "0")}`,
        };
    }
  }
}

/** Instructions for `calendar` of the same setup. */
export function calendarCard(setup: FullSetup, each: number): ToolCard {
  return makeCard("calendar", setup, each, { ...dates, ...events(sampleCalendar(setup, ZONE)) });
}
