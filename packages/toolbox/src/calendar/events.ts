import { RRuleTemporal } from "rrule-temporal";
import { Temporal } from "temporal-polyfill";
import { type Random, seeded } from "../random.ts";
import { refuse } from "../refuse.ts";
import type { FullSetup } from "../setup.ts";
import { local, momentOf, weekdayOf } from "./dates.ts";

/** An entry of the calendar, once or again and again. */
export type CalendarEvent = {
  id: string;
  title: string;
  /** Local time of the first, `2026-03-02T09:00`. */
  start: string;
  minutes: number;
  /** How it recurs, by RFC 5545: `FREQ=WEEKLY;BYDAY=MO,WE`; empty for once. */
  rule: string;
  /** Starts of those that were called off, of an event that recurs. */
  except: string[];
};

/** All that the calendar holds. */
export type CalendarState = {
  zone: string;
  events: CalendarEvent[];
  /** Number of the next event. */
  next: number;
};

/** One occurrence of an event. */
export interface Occurrence {
  readonly id: string;
  readonly title: string;
  readonly start: string;
  readonly end: string;
  readonly weekday: string;
  readonly recurs: boolean;
}

/** Eleven years of every day. */
const MOST_STEPS = 4200;

/** The rule, read strictly. @throws {ToolError} When it cannot be read, or leaves the dates to the hour. */
export function readRule(
  event: Pick<CalendarEvent, "start" | "rule">,
  zone: string,
): RRuleTemporal<Temporal.ZonedDateTime> {
  const { start, rule } = event;
  if (/[\n\r]/.test(rule) || !/^(FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY))(;|$)/.test(rule))
    refuse(`the rule "${rule}" must begin with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY, such as "FREQ=WEEKLY;BYDAY=MO"`);
  const stamp = `${start.replaceAll(/[-:]/g, "")}00`;
  try {
    return new RRuleTemporal<Temporal.ZonedDateTime>({
      rruleString: `DTSTART;TZID=${zone}:${stamp}\nRRULE:${rule}`,
      maxIterations: MOST_STEPS,
      maxCandidateEvaluations: MOST_STEPS,
      strict: true,
      temporal: Temporal,
    } as never);
  } catch (error) {
    return refuse(`the rule "${rule}" cannot be read: ${(error as Error).message}`);
  }
}

/** The starts of an event that recurs. */
function startsOf(
  event: CalendarEvent,
  zone: string,
  from: Temporal.ZonedDateTime,
  to: Temporal.ZonedDateTime,
): Temporal.ZonedDateTime[] {
  const rule = readRule(event, zone);
  try {
    return rule.between(new Date(from.epochMilliseconds), new Date(to.epochMilliseconds), true);
  } catch (error) {
    return refuse(`the event "${event.id}" cannot be followed that far: ${(error as Error).message}; cancel it`);
  }
}

/** What happens from one moment to before another, in order of time. */
export function occurrences(
  { events, zone }: CalendarState,
  from: Temporal.ZonedDateTime,
  to: Temporal.ZonedDateTime,
): Occurrence[] {
  const found = events.flatMap((event) => {
    const { id, title, start, minutes, rule, except } = event;
    const first = momentOf(start, zone);
    const early = from.subtract({ minutes });
    const starts = rule === "" ? [first] : startsOf(event, zone, early, to);
    return starts
      .map((moment) => Temporal.Instant.fromEpochMilliseconds(moment.epochMilliseconds).toZonedDateTimeISO(zone))
      .filter((moment) => !except.includes(local(moment)))
      .map((moment) => ({ id, title, moment, end: moment.add({ minutes }), recurs: rule !== "" }));
  });
  return found
    .filter(
      ({ moment, end }) =>
        Temporal.ZonedDateTime.compare(end, from) > 0 && Temporal.ZonedDateTime.compare(moment, to) < 0,
    )
    .sort((a, b) => Temporal.ZonedDateTime.compare(a.moment, b.moment) || (a.id < b.id ? -1 : 1))
    .map(({ id, title, moment, end, recurs }) => ({
      id,
      title,
      start: local(moment),
      end: local(end),
      weekday: weekdayOf(moment),
      recurs,
    }));
}

const TITLES = [
  "Dentist",
  "Piano lesson",
  "Budget review",
  "Lunch with Mara",
  "Car service",
  "Book club",
  "Interview with a designer",
  "Parents' evening",
  "Gym",
  "Call with the bank",
  "Swimming",
  "Project demo",
];
const RULES = [
  "FREQ=WEEKLY;BYDAY=TU",
  "FREQ=WEEKLY;BYDAY=MO,TH",
  "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR",
  "FREQ=MONTHLY;BYDAY=1WE",
];
const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

function startOf(random: Random, day: Temporal.PlainDate): string {
  return `${day}T${String(random.integer(8, 17)).padStart(2, "0")}:${random.pick(["00", "15", "30", "45"])}`;
}

/** The calendar of a seed: eight single events in the four weeks after the clock, and three that recur. */
export function sampleCalendar({ seed, clock }: FullSetup, zone: string): CalendarState {
  const random = seeded(seed, "calendar");
  const today = Temporal.Instant.from(clock).toZonedDateTimeISO(zone).toPlainDate();
  const titles = random.sample(TITLES, 11);
  const days = random.sample(
    Array.from({ length: 27 }, (_, i) => i + 1),
    8,
  );
  const once = days.map((after) => ({ start: startOf(random, today.add({ days: after })), rule: "" }));
  const again = random.sample(RULES, 3).map((rule) => {
    const weekday = rule.slice(-2);
    const byDay = rule.includes("MO,TH") ? "MO" : weekday;
    let day = today.add({ days: 1 });
    while (DAYS[day.dayOfWeek - 1] !== byDay || (rule.includes("1WE") && day.day > 7)) day = day.add({ days: 1 });
    return { start: startOf(random, day), rule };
  });
  const events = [...once, ...again].map(({ start, rule }, index) => ({
    id: `event-${index + 1}`,
    title: titles[index]!,
    start,
    minutes: random.pick([30, 45, 60, 90]),
    rule,
    except: [],
  }));
  return { zone, events, next: events.length + 1 };
}
