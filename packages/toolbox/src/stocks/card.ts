import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import { onlyLargest, until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { type Company, makeMarket, type Trade } from "../world/market.ts";

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** Instructions for `stocks` of the same setup. */
export function stocksCard(setup: FullSetup, each: number): ToolCard {
  const { companies, trades } = makeMarket(setup.seed, setup.clock.slice(0, 10));
  const of = ({ symbol }: Company): readonly Trade[] => trades.get(symbol)!;
  const share = ({ name }: Company): string => `a share of ${name}`;
  const symbolOf = (list: readonly Company[], name: string): string =>
    list.find((company) => company.name === name)!.symbol;
  return makeCard("stocks", setup, each, {
    close(random) {
      const company = random.pick(companies);
      const { date, close } = random.pick(of(company).slice(-200));
      const instruction = `At which price in EUR did ${share(company)} close on ${date}?`;
      return {
        instruction,
        async expert(call) {
          const symbol = symbolOf(await call<Company[]>("stocks_list", {}), company.name);
          return `At ${(await call<Trade>("stocks_quote", { symbol, date })).close} EUR.`;
        },
        succeeds: ({ answer }) => givesNumber(answer, close, { instruction }),
      };
    },
    change(random) {
      const company = random.pick(companies);
      const list = of(company);
      const from = random.pick(list.slice(-250, -60));
      const last = list.at(-1)!;
      const percent = Math.round((last.close / from.close - 1) * 1000) / 10;
      const instruction = `By how many percent has the close of ${company.symbol} changed from ${from.date} to the last day of trade? One decimal place, with a minus sign for a loss.`;
      return {
        instruction,
        async expert(call) {
          const before = await call<Trade>("stocks_quote", { symbol: company.symbol, date: from.date });
          const now = await call<Trade>("stocks_quote", { symbol: company.symbol });
          return `By ${(Math.round((now.close / before.close - 1) * 1000) / 10).toFixed(1)}%.`;
        },
        succeeds: ({ answer }) => givesNumber(answer, percent, { instruction, tolerance: 0.051 }),
      };
    },
    peak(random) {
      const [company, month] = until(
        () => [random.pick(companies), random.integer(1, 12)] as const,
        ([company, month]) => onlyLargest(inMonth(of(company), month), ({ close }) => close) !== undefined,
      );
      const days = inMonth(of(company), month);
      const right = onlyLargest(days, ({ close }) => close)!.date;
      const prefix = `2025-${String(month).padStart(2, "0")}`;
      return {
        instruction: `On which day of ${MONTHS[month - 1]} 2025 did ${share(company)} close highest? Answer as year-month-day.`,
        async expert(call) {
          const symbol = symbolOf(await call<Company[]>("stocks_list", {}), company.name);
          const { trades } = await call<{ trades: Trade[] }>("stocks_history", {
            symbol,
            from: `${prefix}-01`,
            to: days.at(-1)!.date,
          });
          return `On ${[...trades].sort((a, b) => b.close - a.close)[0]!.date}.`;
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            [right],
            days.map(({ date }) => date),
          ),
      };
    },
    value(random) {
      const company = random.pick(companies);
      const instruction = `What are all shares of ${company.name} together worth at the last close, in millions of EUR?`;
      const right = company.shares * of(company).at(-1)!.close;
      return {
        instruction,
        async expert(call) {
          const found = (await call<Company[]>("stocks_list", {})).find(({ name }) => name === company.name)!;
          const { close } = await call<Trade>("stocks_quote", { symbol: found.symbol });
          return `${(found.shares * close).toFixed(2)} million EUR.`;
        },
        succeeds: ({ answer }) => givesNumber(answer, right, { instruction, tolerance: 0.51 }),
      };
    },
    sector(random) {
      const sector = random.pick(["technology", "food", "transport", "finance"]);
      const among = companies.filter((company) => company.sector === sector);
      const right = onlyLargest(among, (company) => of(company).at(-1)!.close);
      const best = right ?? among[0]!;
      return {
        instruction: `Which company of the ${sector} sector has the most expensive share at the last close?`,
        async expert(call) {
          const list = (await call<Company[]>("stocks_list", {})).filter((company) => company.sector === sector);
          const quotes: (Trade & { name: string })[] = [];
          for (const { symbol } of list) quotes.push(await call<Trade & { name: string }>("stocks_quote", { symbol }));
          return `${quotes.sort((a, b) => b.close - a.close)[0]!.name}.`;
        },
        succeeds: ({ answer }) =>
          right !== undefined &&
          names(
            answer,
            [best.name],
            among.map(({ name }) => name),
          ),
      };
    },
  });
}

function inMonth(list: readonly Trade[], month: number): Trade[] {
  return list.filter(({ date }) => date.startsWith(`2025-${String(month).padStart(2, "0")}`));
}
