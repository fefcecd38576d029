import type { DemonstrationSet } from "./demonstration.ts";

/** One worked example of a word problem, for questions of any kind. */
export const creationDemonstrations: DemonstrationSet = {
  name: "creation",
  language: "javascript",
  examples: [
    {
      question:
        "A ferry carries 40 cars a trip and a trip takes 25 minutes each way. 190 cars wait on one side, and nobody waits on the other. How many minutes pass until the last car has landed?",
      toolThought:
        "The ferry needs as many full crossings as loads, and between two loads it has to come back empty. So the time is the number of loads there plus the returns in between, each of one crossing. The cars, the capacity and the time of a crossing are arguments.",
      tool: `/**
 * Time until everything has been carried across by a vehicle that returns empty between its trips.
 * @param {number} items - How many items wait. A whole number.
 * @param {number} capacity - Items that fit into one trip. A whole number above 0.
 * @param {number} crossing - Time of one way, in any unit.
 * @returns {number} Time until the last item has arrived, in the same unit.
 */
function ferryTime(items, capacity, crossing) {
  if (items === 0) return 0;
  const trips = Math.ceil(items / capacity);
  return (2 * trips - 1) * crossing;
}`,
      callThought: "There are 190 items, 40 fit into a trip, and one way takes 25 minutes. The tool returns minutes.",
      call: `const minutes = ferryTime(190, 40, 25);
console.log("Final Answer:", minutes);`,
      program: `const trips = Math.ceil(190 / 40);
const minutes = (2 * trips - 1) * 25;
console.log("Final Answer:", minutes);`,
      worked:
        "190 cars make 5 loads, since 4 loads carry 160 only. The ferry crosses 5 times full and 4 times back in between, so 9 times. That takes 9 · 25 = 225 minutes.",
      answer: "225",
    },
  ],
  repair: {
    question:
      "A savings plan pays in 50 at the start of each month for a year at 1% a month. What is it worth at the end? Round to two decimals.",
    program: `/** Worth of equal payments at the start of each period. */
function savings(payment, rate, periods) {
  let worth = 0;
  for (let i = 0; i < periods; i++) worth = (worth + payment) * (1 + rate);
  return worth;
}
console.log("Final Answer:", savings(50, 0.01, 12).round(2));`,
    error: `TypeError: not a function
    at program:7:57
        console.log("Final Answer:", savings(50, 0.01, 12).round(2));`,
    diagnosis:
      "Numbers have no method `round` in JavaScript; `toFixed` gives the two decimals. The method itself is right.",
    repaired: `/**
 * Worth of equal payments at the start of each period, with compound interest.
 * @param {number} payment - Paid in at the start of each period.
 * @param {number} rate - Interest a period, as a fraction.
 * @param {number} periods - Number of periods.
 * @returns {number} Worth at the end of the last period.
 */
function savings(payment, rate, periods) {
  let worth = 0;
  for (let i = 0; i < periods; i++) worth = (worth + payment) * (1 + rate);
  return worth;
}
console.log("Final Answer:", savings(50, 0.01, 12).toFixed(2));`,
  },
};
