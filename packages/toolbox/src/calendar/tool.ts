import { checkOptions } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import { Temporal } from "temporal-polyfill";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { fullSetup, type Setup } from "../setup.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { dateOf, local, momentOf, showMoment, weekdayOf, zoneOf } from "./dates.ts";
import { type CalendarEvent, type CalendarState, occurrences, readRule, sampleCalendar } from "./events.ts";

/** Options of `calendar`. */
export interface CalendarOptions extends Setup {
  /** Where the calendar's owner lives, a name of the time zone database. @default "Europe/Berlin" */
  readonly zone?: string;
  /** The events at the start. @default made up from the seed */
  readonly events?: readonly Omit<CalendarEvent, "id" | "except">[];
}

const MOST_EVENTS = 200;
const MOST_YEARS = 10;
const MOST_DAYS = 400;
const FREE_DAYS = 60;
const MOST_SHOWN = 100;

const eventSchema = z.strictObject({
  id: z.string(),
  title: z.string().min(1).max(200),
  start: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/),
  minutes: z.int().min(1).max(1440),
  rule: z.string().max(200),
  except: z.array(z.string()),
});
const stateSchema = z.strictObject({ zone: z.string(), events: z.array(eventSchema).max(MOST_EVENTS), next: z.int() });

const date = z.string().max(40).describe('A date, for example "2026-03-02".');
const zone = z.string().max(60).describe('A time zone, for example "America/New_York".');
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/, "must be a local time such as 2026-03-02T09:00");
const step = z.int().min(-100_000).max(100_000);

function dateTools(define: Define<CalendarState>, clock: string): AnyTool[] {
  return [
    define({
      verb: "now",
      description: "Tells the date and time now, in the owner's time zone or in another.",
      input: z.strictObject({ zone: zone.optional() }),
      effects: "reads",
      run: ({ zone }, state) => showMoment(Temporal.Instant.from(clock).toZonedDateTimeISO(zoneOf(zone ?? state.zone))),
    }),
    define({
      verb: "convert_time",
      description: "Converts a local time from one time zone to another, with daylight saving time taken into account.",
      input: z.strictObject({
        time: time.describe('Local time, for example "2026-03-02T09:00".'),
        from: zone,
        to: zone,
      }),
      effects: "none",
      run: ({ time, from, to }) => showMoment(momentOf(time, zoneOf(from)).withTimeZone(zoneOf(to))),
    }),
    define({
      verb: "add",
      description:
        "Adds years, months, weeks and days to a date; negative numbers go back. A day that a month lacks becomes its last.",
      input: z.strictObject({
        date,
        years: step.optional(),
        months: step.optional(),
        weeks: step.optional(),
        days: step.optional(),
        workdays: z
          .int()
          .min(-5000)
          .max(5000)
          .optional()
          .describe("Days from Monday to Friday, counted after the rest was added."),
      }),
      effects: "none",
      run({ date, workdays = 0, ...rest }) {
        const given = Object.entries(rest).filter(([, value]) => value !== undefined);
        let day = dateOf(date);
        for (const [unit, value] of given) day = day.add({ [unit]: value } as Temporal.DurationLike);
        for (let left = Math.abs(workdays); left > 0; ) {
          day = day.add({ days: Math.sign(workdays) });
          if (day.dayOfWeek < 6) left--;
        }
        return { date: day.toString(), weekday: weekdayOf(day) };
      },
    }),
    define({
      verb: "difference",
      description:
        "Counts the time from one date to another: in days, in days from Monday to Friday, and in years, months and days.",
      input: z.strictObject({ from: date, to: date }),
      effects: "none",
      run({ from, to }) {
        const [start, end] = [dateOf(from), dateOf(to)];
        const { days } = start.until(end);
        if (Math.abs(days) > 4_000_000) refuse("the dates are more than 10,000 years apart");
        const { years, months, days: rest } = start.until(end, { largestUnit: "year" });
        const [low, span] = [days < 0 ? end : start, Math.abs(days)];
        const partial = Array.from({ length: span % 7 }, (_, i) => (low.dayOfWeek + i - 1) % 7);
        const workdays = Math.floor(span / 7) * 5 + partial.filter((day) => day < 5).length;
        return { days, workdays: workdays * Math.sign(days), years, months, remainingDays: rest };
      },
    }),
    define({
      verb: "describe_date",
      description: "Tells a date's day of the week, ISO week, day of the year, and whether its year is a leap year.",
      input: z.strictObject({ date }),
      effects: "none",
      run({ date }) {
        const day = dateOf(date);
        return {
          date: day.toString(),
          weekday: weekdayOf(day),
          isoWeek: day.weekOfYear,
          isoYear: day.yearOfWeek,
          dayOfYear: day.dayOfYear,
          isLeapYear: day.inLeapYear,
        };
      },
    }),
  ];
}

function eventTools(define: Define<CalendarState>, clock: string): AnyTool[] {
  /** An event's start; a rule that began ages ago would be followed step by step. */
  function startOf(text: string, zone: string): Temporal.ZonedDateTime {
    const start = momentOf(text, zone);
    const years = Math.abs(
      Temporal.Instant.from(clock).toZonedDateTimeISO(zone).until(start, { largestUnit: "year" }).years,
    );
    if (years >= MOST_YEARS) refuse(`an event begins less than ${MOST_YEARS} years from now, got ${text}`);
    return start;
  }
  const find = (state: CalendarState, id: string): CalendarEvent =>
    state.events.find((event) => event.id === id) ?? refuse(`no event "${id}"; list the events first`);
  return [
    define({
      verb: "list",
      description:
        "Lists the owner's events from one date to another, both included, with those that recur. Times are in the owner's time zone.",
      input: z.strictObject({ from: date, to: date }),
      effects: "reads",
      run({ from, to }, state) {
        const [first, last] = [dateOf(from), dateOf(to)];
        const { days } = first.until(last);
        if (days < 0 || days > MOST_DAYS)
          refuse(`the dates must be in order and at most ${MOST_DAYS} days apart, got ${days}`);
        const found = occurrences(
          state,
          first.toZonedDateTime(state.zone),
          last.add({ days: 1 }).toZonedDateTime(state.zone),
        );
        return {
          zone: state.zone,
          events: found.slice(0, MOST_SHOWN),
          notShown: Math.max(0, found.length - MOST_SHOWN),
        };
      },
    }),
    define({
      verb: "create",
      description:
        "Enters an event into the owner's calendar, once or recurring. Says with which events it collides on its first day; it is entered all the same.",
      input: z.strictObject({
        title: z.string().trim().min(1).max(200),
        start: time.describe('Local time of the owner, for example "2026-03-02T09:00".'),
        minutes: z.int().min(1).max(1440).describe("How long it takes."),
        rule: z
          .string()
          .max(200)
          .optional()
          .describe(
            'How it recurs, by RFC 5545: "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10". Leave out for an event that is once.',
          ),
      }),
      effects: "writes",
      run({ title, start, minutes, rule = "" }, state) {
        if (state.events.length >= MOST_EVENTS) refuse(`the calendar is full: ${MOST_EVENTS} events`);
        const first = startOf(start, state.zone);
        if (rule !== "") readRule({ start, rule }, state.zone);
        const collides = occurrences(state, first, first.add({ minutes })).map(({ id, title, start }) => ({
          id,
          title,
          start,
        }));
        const id = `event-${state.next++}`;
        state.events.push({ id, title, start, minutes, rule, except: [] });
        return { id, weekday: weekdayOf(first), collides };
      },
    }),
    define({
      verb: "move",
      description: "Moves an event that is once to another time.",
      input: z.strictObject({ id: z.string().max(40), start: time }),
      effects: "writes",
      idempotent: true,
      run({ id, start }, state) {
        const event = find(state, id);
        if (event.rule !== "") refuse(`"${id}" recurs; cancel the occurrence and create an event instead`);
        startOf(start, state.zone);
        event.start = start;
        return { id, title: event.title, start };
      },
    }),
    define({
      verb: "cancel",
      description:
        "Removes an event; of one that recurs, only the occurrence at the given start, or all of it when none is given.",
      input: z.strictObject({
        id: z.string().max(40),
        start: time.optional().describe("Start of the occurrence to call off."),
      }),
      effects: "destroys",
      run({ id, start }, state) {
        const event = find(state, id);
        if (start === undefined || event.rule === "") {
          if (start !== undefined && start !== event.start) refuse(`"${id}" starts at ${event.start}, not at ${start}`);
          state.events = state.events.filter((other) => other !== event);
          return { removed: event.title };
        }
        const moment = momentOf(start, state.zone);
        const there = occurrences(state, moment, moment.add({ minutes: 1 })).some(
          (found) => found.id === id && found.start === start,
        );
        if (!there) refuse(`"${id}" does not take place at ${start}; list the events first`);
        event.except.push(start);
        return { removed: event.title, at: start };
      },
    }),
    define({
      verb: "free",
      description:
        "Finds the first free time of some length on or after a date, from Monday to Friday between 09:00 and 17:00 of the owner's time, on the quarter of an hour.",
      input: z.strictObject({ from: date, minutes: z.int().min(15).max(480) }),
      effects: "reads",
      run({ from, minutes }, state) {
        const first = dateOf(from);
        const all = occurrences(
          state,
          first.toZonedDateTime(state.zone),
          first.add({ days: FREE_DAYS + 1 }).toZonedDateTime(state.zone),
        );
        for (let day = first; first.until(day).days <= FREE_DAYS; day = day.add({ days: 1 })) {
          if (day.dayOfWeek > 5) continue;
          const at = (hour: number): Temporal.ZonedDateTime =>
            day.toZonedDateTime({ timeZone: state.zone, plainTime: { hour } });
          const taken = all.filter((event) => event.start < `${day}T17:00` && event.end > `${day}T09:00`);
          for (
            let start = at(9);
            Temporal.ZonedDateTime.compare(start.add({ minutes }), at(17)) <= 0;
            start = start.add({ minutes: 15 })
          ) {
            const [from, to] = [local(start), local(start.add({ minutes }))];
            if (!taken.some((event) => event.start < to && event.end > from))
              return { start: from, end: to, weekday: weekdayOf(day) };
          }
        }
        return refuse(`no free time within ${FREE_DAYS} days; ask for a shorter one`);
      },
    }),
  ];
}

/** Dates, time zones, and a calendar with events that recur. Now is the setup's clock, never the machine's. */
export function calendar(options: CalendarOptions = {}): Toolkit<CalendarState> {
  checkOptions("calendar", options, ["seed", "clock", "zone", "events"]);
  const setup = fullSetup("calendar", options);
  const home = zoneOf(options.zone ?? "Europe/Berlin");
  const { events } = options;
  const state: CalendarState =
    events === undefined
      ? sampleCalendar(setup, home)
      : {
          zone: home,
          events: events.map((event, i) => ({ ...event, id: `event-${i + 1}`, except: [] })),
          next: events.length + 1,
        };
  return makeToolkit({
    id: "calendar",
    about: "Reckons with dates and time zones, and keeps a calendar of events.",
    state: stateSchema.parse(state),
    schema: stateSchema,
    tools: (define) => [...dateTools(define, setup.clock), ...eventTools(define, setup.clock)],
  });
}
