import type { DemonstrationSet } from "./demonstration.ts";

/** One worked example of a word problem in Python, for questions of any kind. */
export const pythonDemonstrations: DemonstrationSet = {
  name: "python",
  language: "python",
  examples: [
    {
      question:
        "A baker fills trays of 12 rolls and throws away what does not fill a tray. She bakes 150 rolls a day. How many rolls does she throw away in a week of 6 days?",
      toolThought:
        "Each day is filled for itself, so the rest of one division counts once for every day. The rolls of a day, the size of a tray and the number of days are arguments.",
      tool: `def leftover(items: int, capacity: int, rounds: int) -> int:
    """What is left in all when equal lots are packed into full containers, each lot for itself.

    Args:
        items (int): Items of one lot, 0 or more.
        capacity (int): Items that one container takes, above 0.
        rounds (int): Number of lots, 0 or more.

    Returns:
        int: Items that fill no container, over all lots.
    """
    return items % capacity * rounds`,
      callThought: "A lot is a day of 150 rolls, a tray takes 12, and there are 6 days. The tool returns rolls.",
      call: `rolls = leftover(items=150, capacity=12, rounds=6)
print("Final Answer:", rolls)`,
      program: `rest = 150 % 12
print("Final Answer:", rest * 6)`,
      worked:
        "12 trays take 144 of the 150 rolls, so 6 are thrown away every day. In 6 days that makes 6 · 6 = 36 rolls.",
      answer: "36",
    },
  ],
  repair: {
    question:
      "A savings plan pays in 50 at the start of each month for a year at 1% a month. What is it worth at the end? Round to two decimals.",
    program: `def savings(payment, rate, periods):
    """Worth of equal payments at the start of each period."""
    worth = 0
    for _ in range(periods):
        worth = (worth + payment) * (1 + rate)
    return worth

print("Final Answer:", savings(50, 0.01, 12).round(2))`,
    error: `AttributeError: 'float' object has no attribute 'round'
    at program:8
        print("Final Answer:", savings(50, 0.01, 12).round(2))`,
    diagnosis:
      "Floats have no method `round` in Python; formatting gives the two decimals. The method itself is right.",
    repaired: `def savings(payment: float, rate: float, periods: int) -> float:
    """Worth of equal payments at the start of each period, with compound interest.

    Args:
        payment (float): Paid in at the start of each period.
        rate (float): Interest a period, as a fraction.
        periods (int): Number of periods.

    Returns:
        float: Worth at the end of the last period.
    """
    worth = 0.0
    for _ in range(periods):
        worth = (worth + payment) * (1 + rate)
    return worth

print("Final Answer:", f"{savings(50, 0.01, 12):.2f}")`,
  },
};
