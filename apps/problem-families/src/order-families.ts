/** Families about order and arrangement: rankings, routes, fair shares. */
import type { Draw } from "./draw.ts";
import { code, type Family, listsIn, listText, print } from "./family.ts";

function scores(ballots: readonly string[], points: readonly number[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const ballot of ballots)
    for (const [place, option] of [...ballot].entries()) sums[option] = (sums[option] ?? 0) + (points[place] ?? 0);
  return sums;
}

const shuffled = (letters: string, draw: Draw): string => {
  const left = [...letters];
  return letters.replace(/./g, () => left.splice(draw.integer(0, left.length - 1), 1)[0]!);
};

const ballotsIn = (text: string): readonly string[] => [...text.matchAll(/\b[A-Z]{3,}\b/g)].map(([ballot]) => ballot);

/** Votes by rank. */
const rankScore: Family = {
  name: "rankScore",
  hints: {
    utility: "Adds up points that options get by their places on ballots.",
    args: "ballots (list of texts): one letter for each option, best first\npoints (list of numbers): points of each place",
    returns: "scores (object): points by option",
  },
  tool: `/**
 * Adds up the points of options by their places on ballots.
 * @param {string[]} ballots - One letter for each option, the best first.
 * @param {number[]} points - Points of each place.
 * @returns {Record<string, number>} Points by option.
 */
function rankScore(ballots, points) {
  const scores = {};
  for (const ballot of ballots) {
    [...ballot].forEach((option, place) => {
      scores[option] = (scores[option] ?? 0) + (points[place] ?? 0);
    });
  }
  return scores;
}`,
  scenarios: [
    {
      draw(draw) {
        const ballots = Array.from({ length: 5 }, () => shuffled("ABC", draw));
        const [third, second, first] = draw.rising(3, 1, 9);
        return {
          question: `Five friends rank the songs A, B and C as ${listText(ballots)}. A first place gives ${first} points, a second ${second} and a third ${third}. How many points does the best song get?`,
          answer: Math.max(...Object.values(scores(ballots, [first!, second!, third!]))),
        };
      },
      read(question) {
        const points = /first place gives (\d+) points, a second (\d+) and a third (\d+)/
          .exec(question)
          ?.slice(1)
          .map(Number);
        if (points === undefined || !/does the best \w+ get/.test(question)) return undefined;
        return print(`Math.max(...Object.values(rankScore(${code(ballotsIn(question))}, ${code(points)})))`);
      },
    },
    {
      draw(draw) {
        const ballots = Array.from({ length: 4 }, () => shuffled("KLM", draw));
        const points = [...draw.rising(3, 2, 12)].reverse();
        const values = Object.values(scores(ballots, points));
        return {
          question: `Four regattas end ${listText(ballots)}. The points are ${listText(points)}. By how many points does the leader beat the last?`,
          answer: Math.max(...values) - Math.min(...values),
        };
      },
      read(question) {
        const points = listsIn(/The points are ([^.]*)/.exec(question)?.[1] ?? "")[0];
        if (points === undefined || !/leader beat the last/.test(question)) return undefined;
        return `const scores = Object.values(rankScore(${code(ballotsIn(question))}, ${code(points)}));\n${print("Math.max(...scores) - Math.min(...scores)")}`;
      },
    },
    {
      draw(draw) {
        const ballots = Array.from({ length: 3 }, () => shuffled("WXYZ", draw));
        const counts = ballots.map(() => draw.integer(2, 5));
        const all = ballots.flatMap((ballot, i) => Array<string>(counts[i]!).fill(ballot));
        const option = draw.pick([..."WXYZ"]);
        return {
          question: `Readers rank four novels as ${listText(ballots.map((ballot, i) => `${ballot} (${counts[i]} readers)`))}. Places give 3, 2, 1 and 0 points. How many points does ${option} get?`,
          answer: scores(all, [3, 2, 1, 0])[option]!,
        };
      },
      read(question) {
        const ballots = [...question.matchAll(/\b([A-Z]{3,}) \((\d+) \w+\)/g)].flatMap(([, ballot, count]) =>
          Array<string>(Number(count)).fill(ballot!),
        );
        const points = listsIn(/Places give ([^.]*) points/.exec(question)?.[1] ?? "")[0];
        const option = /does ([A-Z]) get/.exec(question)?.[1];
        if (ballots.length === 0 || points === undefined || option === undefined) return undefined;
        return print(`rankScore(${code(ballots)}, ${code(points)}).${option}`);
      },
    },
  ],
};

function routes(columns: number, rows: number, blocked: readonly string[]): number {
  const memo = new Map<string, number>();
  const count = (x: number, y: number): number => {
    const key = `${x},${y}`;
    if (x < 0 || y < 0 || blocked.includes(key)) return 0;
    if (x === 0 && y === 0) return 1;
    if (!memo.has(key)) memo.set(key, count(x - 1, y) + count(x, y - 1));
    return memo.get(key)!;
  };
  return count(columns, rows);
}

function readGrid(
  question: string,
): { target: string; blocked: readonly (readonly number[])[]; text: string } | undefined {
  const [, columns, rows] = /\(0, ?0\) to \((\d+), ?(\d+)\)/.exec(question) ?? [];
  if (columns === undefined) return undefined;
  const points = [...question.matchAll(/\((\d+), ?(\d+)\)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
  const blocked = points.filter(([x, y]) => (x !== 0 || y !== 0) && (x !== Number(columns) || y !== Number(rows)));
  return { target: `${columns}, ${rows}`, blocked, text: question };
}

const drawCrossing = (draw: Draw): readonly [number, number] => [draw.integer(1, 4), draw.integer(1, 2)];

/** Routes on a grid. */
const gridPaths: Family = {
  name: "gridPaths",
  hints: {
    utility: "Counts the shortest routes over a grid that avoid blocked crossings.",
    args: "columns (integer): steps to the right\nrows (integer): steps up\nblocked (list of [x, y]): crossings that may not be entered",
    returns: "paths (integer): how many routes there are",
  },
  tool: `/**
 * Counts the shortest routes from (0, 0) over a grid.
 * @param {number} columns - Steps to the right.
 * @param {number} rows - Steps up.
 * @param {[number, number][]} blocked - Crossings that may not be entered.
 * @returns {number} How many routes there are.
 */
function gridPaths(columns, rows, blocked) {
  const closed = new Set(blocked.map(([x, y]) => x + "," + y));
  const ways = Array.from({ length: rows + 1 }, () => Array(columns + 1).fill(0));
  for (let y = 0; y <= rows; y += 1) {
    for (let x = 0; x <= columns; x += 1) {
      if (closed.has(x + "," + y)) continue;
      ways[y][x] = x === 0 && y === 0 ? 1 : (x > 0 ? ways[y][x - 1] : 0) + (y > 0 ? ways[y - 1][x] : 0);
    }
  }
  return ways[rows][columns];
}`,
  scenarios: [
    {
      draw(draw) {
        const [columns, rows] = [draw.integer(5, 8), draw.integer(3, 6)];
        const [x, y] = drawCrossing(draw);
        return {
          question: `An ant crawls from (0,0) to (${columns},${rows}) with unit steps right or up and may not enter (${x},${y}). How many routes does it have?`,
          answer: routes(columns, rows, [`${x},${y}`]),
        };
      },
      read(question) {
        const grid = readGrid(question);
        return grid !== undefined && /may not enter/.test(question)
          ? print(`gridPaths(${grid.target}, ${code(grid.blocked)})`)
          : undefined;
      },
    },
    {
      draw(draw) {
        const [columns, rows] = [draw.integer(5, 7), draw.integer(4, 6)];
        const crossings = [
          [1, draw.integer(1, 3)],
          [3, draw.integer(1, 3)],
        ] as const;
        return {
          question: `On a map of streets the crossings ${listText(crossings.map(([x, y]) => `(${x},${y})`))} are closed. How many shortest ways lead from the corner (0,0) to (${columns},${rows})?`,
          answer: routes(
            columns,
            rows,
            crossings.map(([x, y]) => `${x},${y}`),
          ),
        };
      },
      read(question) {
        const grid = readGrid(question);
        return grid !== undefined && /are closed/.test(question)
          ? print(`gridPaths(${grid.target}, ${code(grid.blocked)})`)
          : undefined;
      },
    },
    {
      draw(draw) {
        const [columns, rows] = [draw.integer(6, 9), draw.integer(3, 5)];
        const [a, b] = [
          [2, draw.integer(1, 2)],
          [5, draw.integer(1, 3)],
        ] as const;
        return {
          question: `How many fewer shortest paths from (0,0) to (${columns},${rows}) are there when (${a.join(",")}) and (${b.join(",")}) are blocked than when nothing is blocked?`,
          answer: routes(columns, rows, []) - routes(columns, rows, [a.join(","), b.join(",")]),
        };
      },
      read(question) {
        const grid = readGrid(question);
        if (grid === undefined || !/How many fewer/.test(question)) return undefined;
        return print(`gridPaths(${grid.target}, []) - gridPaths(${grid.target}, ${code(grid.blocked)})`);
      },
    },
  ],
};

function smallestDifference(values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  let best = total;
  for (let mask = 0; mask < 2 ** values.length; mask++) {
    const part = values.reduce((sum, value, i) => sum + ((mask >> i) & 1) * value, 0);
    best = Math.min(best, Math.abs(total - 2 * part));
  }
  return best;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Two heaps, as even as can be. */
const evenSplit: Family = {
  name: "evenSplit",
  hints: {
    utility: "Splits whole numbers into two heaps as evenly as possible.",
    args: "values (list of integers)",
    returns: "difference (integer): the smallest possible difference between the heaps",
  },
  tool: `/** All sums that parts of a list can have. */
function partSums(values) {
  let sums = new Set([0]);
  for (const value of values) sums = new Set([...sums, ...[...sums].map((sum) => sum + value)]);
  return sums;
}

/**
 * The smallest difference between two heaps that a list of whole numbers is split into.
 * @param {number[]} values - Whole numbers, each of which goes to one heap.
 * @returns {number} The difference.
 */
function evenSplit(values) {
  const total = values.reduce((sum, value) => sum + value, 0);
  return Math.min(...[...partSums(values)].map((part) => Math.abs(total - 2 * part)));
}`,
  scenarios: [
    {
      draw(draw) {
        const values = Array.from({ length: 6 }, () => draw.integer(8, 60));
        return {
          question: `Crates weigh ${listText(values)} kg. They go into two boats. What is the smallest possible difference between the loads?`,
          answer: smallestDifference(values),
        };
      },
      read(question) {
        const [values] = listsIn(question);
        return values !== undefined && /smallest possible difference/.test(question)
          ? print(`evenSplit(${code(values)})`)
          : undefined;
      },
    },
    {
      draw(draw) {
        const values = Array.from({ length: 7 }, () => draw.integer(120, 400));
        return {
          question: `Chapters last ${listText(values)} seconds and are put on two sides of a tape. How long is the longer side in the most even split?`,
          answer: (sum(values) + smallestDifference(values)) / 2,
        };
      },
      read(question) {
        const [values] = listsIn(question);
        if (values === undefined || !/longer side in the most even split/.test(question)) return undefined;
        return `const values = ${code(values)};\nconst total = values.reduce((sum, value) => sum + value, 0);\n${print("(total + evenSplit(values)) / 2")}`;
      },
    },
    {
      draw(draw) {
        const values = Array.from({ length: 6 }, () => draw.integer(3, 60));
        return {
          question: `Chores of ${listText(values)} points are shared by two people. How many points does the person with less get in the fairest sharing?`,
          answer: (sum(values) - smallestDifference(values)) / 2,
        };
      },
      read(question) {
        const [values] = listsIn(question);
        if (values === undefined || !/person with less get in the fairest sharing/.test(question)) return undefined;
        return `const values = ${code(values)};\nconst total = values.reduce((sum, value) => sum + value, 0);\n${print("(total - evenSplit(values)) / 2")}`;
      },
    },
  ],
};

/** @internal */
export const orderFamilies: readonly Family[] = [rankScore, gridPaths, evenSplit];
