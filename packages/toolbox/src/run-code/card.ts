import { makeCard, type TaskParts, type ToolCard } from "../card.ts";
import { givesNumber, mentions } from "../checks.ts";
import type { FullSetup } from "../setup.ts";

function computes(instruction: string, source: string, right: number): TaskParts {
  return {
    instruction,
    expert: async (call) => `The result is ${(await call<{ result: number }>("runCode_program", { source })).result}.`,
    succeeds: ({ answer }) => givesNumber(answer, right, { instruction }),
  };
}

/** Steps of the Collatz sequence down to 1. */
function collatz(start: number): number {
  let steps = 0;
  for (let n = start; n !== 1; steps++) n = n % 2 === 0 ? n / 2 : 3 * n + 1;
  return steps;
}

const isPrime = (n: number): boolean =>
  n > 1 && Array.from({ length: Math.floor(Math.sqrt(n)) - 1 }, (_, i) => i + 2).every((d) => n % d !== 0);

/** Instructions for `runCode`. */
export function runCodeCard(setup: FullSetup, each: number): ToolCard {
  return makeCard("runCode", setup, each, {
    collatz(random) {
      const n = random.integer(50, 5000);
      return computes(
        `Start with ${n}; halve an even number, and replace an odd number n by 3n + 1. After how many steps is 1 reached for the first time?`,
        `let n = ${n}, steps = 0; while (n !== 1) { n = n % 2 === 0 ? n / 2 : 3 * n + 1; steps++; } return steps;`,
        collatz(n),
      );
    },
    primes(random) {
      const [from, span] = [random.integer(100, 2000), random.integer(100, 800)];
      const right = Array.from({ length: span + 1 }, (_, i) => from + i).filter(isPrime).length;
      return computes(
        `How many prime numbers are there from ${from} to ${from + span}, both included?`,
        `let count = 0; for (let n = ${from}; n <= ${from + span}; n++) { let prime = n > 1; for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; } if (prime) count++; } return count;`,
        right,
      );
    },
    digits(random) {
      const [base, exponent] = [random.integer(2, 9), random.integer(50, 200)];
      const right = [...String(BigInt(base) ** BigInt(exponent))].reduce((sum, digit) => sum + Number(digit), 0);
      return computes(
        `What is the sum of the decimal digits of ${base} to the power of ${exponent}?`,
        `return [...String(${base}n ** ${exponent}n)].reduce((sum, digit) => sum + Number(digit), 0);`,
        right,
      );
    },
    change(random) {
      const [amount, coins] = [random.integer(40, 160), [1, 2, 5, 10, 20, 50]];
      const ways = [1, ...Array.from({ length: amount }, () => 0)];
      for (const coin of coins) for (let n = coin; n <= amount; n++) ways[n]! += ways[n - coin]!;
      return computes(
        `In how many ways can ${amount} cents be paid with coins of ${coins.join(", ")} cents, without regard to the order?`,
        `const ways = [1, ...Array(${amount}).fill(0)]; for (const coin of [${coins.join(", ")}]) for (let n = coin; n <= ${amount}; n++) ways[n] += ways[n - coin]; return ways[${amount}];`,
        ways[amount]!,
      );
    },
    sort(random) {
      const words = random.sample(
        ["quartz", "maple", "harbour", "violet", "copper", "anchor", "meadow", "lantern", "pebble", "thistle"],
        7,
      );
      // By length, then by letter: the fourth.
      const right = [...words].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[3]!;
      const instruction = `Sort these words by their length, and equally long ones by the alphabet: ${words.join(", ")}. Which is the fourth? Answer with that word alone.`;
      return {
        instruction,
        async expert(call) {
          const source = "return input.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[3];";
          return `${(await call<{ result: string }>("runCode_program", { source, input: words })).result}`;
        },
        succeeds: ({ answer }) =>
          mentions(answer, right) && words.filter((word) => mentions(answer, word)).length === 1,
      };
    },
  });
}
