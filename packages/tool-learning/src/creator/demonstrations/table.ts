/** Four worked examples of questions about a small table. */
import type { DemonstrationSet } from "./demonstration.ts";

/** @see Qian et al. 2023, CREATOR, arXiv:2305.14318: four examples for TabMWP. These are our own. */
export const tableDemonstrations: DemonstrationSet = {
  name: "table",
  language: "javascript",
  examples: [
    {
      question: "How much more do two loaves of rye cost than three rolls?",
      context: "Bakery prices\nrye loaf | $3.20\nroll | $0.45\nbaguette | $1.90",
      toolThought:
        "The cost of a purchase is the sum of price times quantity over the items, with prices looked up by name.",
      tool: `/**
 * Cost of a purchase.
 * @param {Record<string, number>} prices - Price of one piece by the item's name.
 * @param {Record<string, number>} quantities - Pieces by the item's name.
 * @returns {number} The cost, rounded to cents.
 */
function purchaseCost(prices, quantities) {
  let cost = 0;
  for (const [item, count] of Object.entries(quantities)) cost += prices[item] * count;
  return Math.round(cost * 100) / 100;
}`,
      callThought: "The table gives both prices; the difference of two purchases is asked for.",
      call: `const prices = { "rye loaf": 3.2, roll: 0.45, baguette: 1.9 };
const difference = purchaseCost(prices, { "rye loaf": 2 }) - purchaseCost(prices, { roll: 3 });
console.log("Final Answer:", difference.toFixed(2));`,
      program: `const difference = 2 * 3.2 - 3 * 0.45;
console.log("Final Answer:", difference.toFixed(2));`,
      worked: "Two loaves of rye cost 2 · $3.20 = $6.40, three rolls 3 · $0.45 = $1.35. The difference is $5.05.",
      answer: "5.05",
    },
    {
      question: "What is the range of the numbers of visitors?",
      context: "Day | Visitors\nMonday | 61\nTuesday | 48\nWednesday | 75\nThursday | 52",
      toolThought: "The range is the largest value minus the smallest.",
      tool: `/**
 * Range of a list of numbers: the largest minus the smallest.
 * @param {number[]} values - At least one number.
 * @returns {number} The range.
 */
function rangeOf(values) {
  return Math.max(...values) - Math.min(...values);
}`,
      callThought: "The second column holds the values.",
      call: `console.log("Final Answer:", rangeOf([61, 48, 75, 52]));`,
      program: `const visitors = [61, 48, 75, 52];
console.log("Final Answer:", Math.max(...visitors) - Math.min(...visitors));`,
      worked: "The largest number is 75, the smallest 48. The range is 75 − 48 = 27.",
      answer: "27",
    },
    {
      question: "How many teams scored at least 20 points but fewer than 40?",
      context: "Points of the teams\nStem | Leaf\n1 | 2, 8\n2 | 0, 5, 5\n3 | 1, 9\n4 | 0",
      toolThought:
        "In a stem-and-leaf plot a stem stands for tens and each leaf for ones. Numbers within bounds are to be counted.",
      tool: `/**
 * Counts the values of a stem-and-leaf plot within bounds.
 * @param {Record<number, number[]>} plot - Leaves by stem; a value is 10 times the stem plus the leaf.
 * @param {number} low - Least value that counts.
 * @param {number} high - First value that does not count any more.
 * @returns {number} How many values count.
 */
function countInPlot(plot, low, high) {
  let count = 0;
  for (const [stem, leaves] of Object.entries(plot)) {
    for (const leaf of leaves) {
      const value = 10 * Number(stem) + leaf;
      if (value >= low && value < high) count++;
    }
  }
  return count;
}`,
      callThought: "The plot is given; the bounds are 20, included, and 40, excluded.",
      call: `const plot = { 1: [2, 8], 2: [0, 5, 5], 3: [1, 9], 4: [0] };
console.log("Final Answer:", countInPlot(plot, 20, 40));`,
      program: `const points = [12, 18, 20, 25, 25, 31, 39, 40];
console.log("Final Answer:", points.filter((value) => value >= 20 && value < 40).length);`,
      worked: "The scores of at least 20 and below 40 are 20, 25, 25, 31 and 39. That is 5 teams.",
      answer: "5",
    },
    {
      question: "By how many passengers a month did the number change on average between March and June?",
      context: "Month | Passengers\nMarch | 1,240\nApril | 1,300\nMay | 1,180\nJune | 1,510",
      toolThought: "A rate of change is the difference of two values divided by the steps between them.",
      tool: `/**
 * Mean change a step between two values.
 * @param {number} first - The earlier value.
 * @param {number} last - The later value.
 * @param {number} steps - Steps between them, above 0.
 * @returns {number} Change a step; negative when the values fall.
 */
function meanChange(first, last, steps) {
  return (last - first) / steps;
}`,
      callThought: "From March to June there are three steps of a month. Commas stand between thousands.",
      call: `console.log("Final Answer:", meanChange(1240, 1510, 3));`,
      program: `console.log("Final Answer:", (1510 - 1240) / 3);`,
      worked: "From 1,240 to 1,510 the number rises by 270, in three months. That is 90 a month.",
      answer: "90",
    },
  ],
  repair: {
    question: "What is the mean of the numbers of visitors?",
    program: `/** Mean of a list. */
function mean(values) {
  return values.sum() / values.length;
}
console.log("Final Answer:", mean([61, 48, 75, 52]));`,
    error: `TypeError: not a function
    at mean (program:3:20)
        return values.sum() / values.length;
    at program:5:34
        console.log("Final Answer:", mean([61, 48, 75, 52]));`,
    diagnosis: "Arrays have no method `sum` in JavaScript; `reduce` adds the values.",
    repaired: `/**
 * Mean of a list of numbers.
 * @param {number[]} values - At least one number.
 * @returns {number} The mean.
 */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
console.log("Final Answer:", mean([61, 48, 75, 52]));`,
  },
};
