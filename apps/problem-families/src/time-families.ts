/** Families about time: intervals and queues. */
import type { Draw } from "./draw.ts";
import { code, type Family, listsIn, listText, numbersIn, print } from "./family.ts";

type Span = readonly [from: number, to: number];

function covered(spans: readonly Span[]): number {
  const seconds = new Set<number>();
  for (const [from, to] of spans) for (let at = from; at < to; at++) seconds.add(at);
  return seconds.size;
}

const spansIn = (text: string): readonly Span[] =>
  [...text.matchAll(/(\d+) to (\d+)/g)].map(([, from, to]) => [Number(from), Number(to)]);

const drawSpans = (count: number, draw: Draw): readonly Span[] =>
  Array.from({ length: count }, () => {
    const from = draw.integer(0, 80);
    return [from, from + draw.integer(5, 40)];
  });

const spansText = (spans: readonly Span[]): string => listText(spans.map(([from, to]) => `${from} to ${to}`));

/** Length that intervals cover together. */
const coveredLength: Family = {
  name: "coveredLength",
  hints: {
    utility: "Measures how much is covered by intervals that may overlap.",
    args: "intervals (list of [from, to])",
    returns: "length (number): what they cover together",
  },
  tool: `/**
 * Length that some intervals cover together; what several cover counts once.
 * @param {[number, number][]} intervals - Start and end of each, in any order.
 * @returns {number} The length.
 */
function coveredLength(intervals) {
  const sorted = intervals.map((interval) => [...interval]).sort((a, b) => a[0] - b[0]);
  let total = 0;
  let end = -Infinity;
  for (const [from, to] of sorted) {
    if (to <= end) continue;
    total += to - Math.max(from, end);
    end = to;
  }
  return total;
}`,
  scenarios: [
    {
      draw(draw) {
        const spans = drawSpans(draw.integer(3, 5), draw);
        return {
          question: `Sprinklers run from minute ${spansText(spans)}. For how many minutes is at least one of them running?`,
          answer: covered(spans),
        };
      },
      read: (question) =>
        /at least one/.test(question) ? print(`coveredLength(${code(spansIn(question))})`) : undefined,
    },
    {
      draw(draw) {
        const spans = drawSpans(3, draw);
        return {
          question: `A 150 metre path is paved on the stretches ${spansText(spans)} metres. How many metres stay unpaved?`,
          answer: 150 - covered(spans),
        };
      },
      read(question) {
        const [whole] = numbersIn(question);
        return /stretches .* stay un/.test(question)
          ? print(`${whole} - coveredLength(${code(spansIn(question))})`)
          : undefined;
      },
    },
    {
      draw(draw) {
        const [a, b] = [drawSpans(3, draw), drawSpans(4, draw)];
        return {
          question: `Three films run in minutes ${spansText(a)} in one room, and four in minutes ${spansText(b)} in another one. What is the difference between the covered times?`,
          answer: Math.abs(covered(a) - covered(b)),
        };
      },
      read(question) {
        const [first, second] = question.split(/, and (?:two|three|four|five) /);
        if (second === undefined || !/difference between the covered times/.test(question)) return undefined;
        return print(`Math.abs(coveredLength(${code(spansIn(first!))}) - coveredLength(${code(spansIn(second))}))`);
      },
    },
  ],
};

function totalWait(arrivals: readonly number[], times: readonly number[]): number {
  const starts: number[] = [];
  for (const [i, arrival] of arrivals.entries()) {
    starts.push(i === 0 ? arrival : Math.max(arrival, starts[i - 1]! + times[i - 1]!));
  }
  return starts.reduce((sum, start, i) => sum + start - arrivals[i]!, 0);
}

/** Waiting in one queue. */
const queueWait: Family = {
  name: "queueWait",
  hints: {
    utility: "Adds up the waiting times of a queue in front of a single place that serves in the order of arrival.",
    args: "arrivals (list of numbers, in rising order)\nservice (list of numbers): how long each one takes",
    returns: "wait (number): all waiting times together",
  },
  tool: `/**
 * Sum of the waiting times in front of one place that serves in the order of arrival.
 * @param {number[]} arrivals - Times of arrival, in rising order.
 * @param {number[]} service - How long each one takes, in the same unit.
 * @returns {number} All waiting times together.
 */
function queueWait(arrivals, service) {
  let free = 0;
  let wait = 0;
  arrivals.forEach((arrival, i) => {
    const start = Math.max(arrival, free);
    wait += start - arrival;
    free = start + service[i];
  });
  return wait;
}`,
  scenarios: [
    {
      draw(draw) {
        const arrivals = draw.rising(5, 0, 40);
        const times = arrivals.map(() => draw.integer(2, 12));
        return {
          question: `Patients come at minutes ${listText(arrivals)} and take ${listText(times)} minutes with the only doctor. How many minutes do they wait in total?`,
          answer: totalWait(arrivals, times),
        };
      },
      read(question) {
        const [arrivals, times] = listsIn(question);
        return times?.length === arrivals?.length && times !== undefined && /wait in total/.test(question)
          ? print(`queueWait(${code(arrivals)}, ${code(times)})`)
          : undefined;
      },
    },
    {
      draw(draw) {
        const arrivals = draw.rising(4, 0, 20);
        const times = arrivals.map(() => draw.integer(3, 9));
        return {
          question: `Lorries reach a single ramp at hours ${listText(arrivals)} and need ${listText(times)} hours. What is the mean waiting time in hours?`,
          answer: totalWait(arrivals, times) / 4,
        };
      },
      read(question) {
        const [arrivals, times] = listsIn(question);
        return times !== undefined && /mean waiting time/.test(question)
          ? print(`queueWait(${code(arrivals)}, ${code(times)}) / ${arrivals!.length}`)
          : undefined;
      },
    },
    {
      draw(draw) {
        const arrivals = draw.rising(5, 0, 50);
        const [slow, fast] = [draw.integer(14, 22), draw.integer(6, 13)];
        const wait = (time: number): number =>
          totalWait(
            arrivals,
            arrivals.map(() => time),
          );
        return {
          question: `A machine gets parts at seconds ${listText(arrivals)}. Each needs ${slow} seconds; a new model needs ${fast}. By how many seconds does the new model shorten the total wait?`,
          answer: wait(slow) - wait(fast),
        };
      },
      read(question) {
        const [arrivals] = listsIn(question);
        const [, slow, fast] = /Each needs (\d+) seconds; a new model needs (\d+)/.exec(question) ?? [];
        if (arrivals === undefined || fast === undefined) return undefined;
        const wait = (time: string): string => `queueWait(arrivals, arrivals.map(() => ${time}))`;
        return `const arrivals = ${code(arrivals)};\n${print(`${wait(slow!)} - ${wait(fast)}`)}`;
      },
    },
  ],
};

/** @internal */
export const timeFamilies: readonly Family[] = [coveredLength, queueWait];
