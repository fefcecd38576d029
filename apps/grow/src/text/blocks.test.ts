import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { type Block, type Blocks, blocksOf, blocksOfSource, mixBlocks } from "./blocks.ts";

const stream = Uint16Array.from({ length: 2000 }, (_, i) => i); // each piece says its place
const shape = { batch: 4, width: 14 };
const blockCount = Math.floor(Math.floor(stream.length / shape.width) / shape.batch);
const startsOf = ({ texts }: Block): number[] => texts.map((text) => text[0]!);
const first = (blocks: Blocks, count: number): Block[] => Array.from({ length: count }, (_, i) => blocks(i));

test("an epoch reads every block once, and no piece twice", () => {
  const epoch = first(blocksOf(stream, shape, random(1)), blockCount);
  expect(new Set(epoch.map(({ index }) => index)).size).toBe(blockCount);
  expect(new Set(epoch.flatMap(startsOf)).size).toBe(shape.batch * blockCount);
});

test("another epoch and another run have the same blocks in another order", () => {
  const twice = first(blocksOf(stream, shape, random(1)), 2 * blockCount);
  const other = first(blocksOf(stream, shape, random(2)), blockCount);
  const orders = [twice.slice(0, blockCount), twice.slice(blockCount), other];
  expect(new Set(orders.map((order) => order.map(({ index }) => index).join())).size).toBe(3);
  const contents = orders.map((order) => [...order].sort((a, b) => a.index - b.index).map(startsOf));
  expect(contents[1]).toEqual(contents[0]);
  expect(contents[2]).toEqual(contents[0]);
});

test("a block does not depend on those that were asked for before it", () => {
  const blocks = blocksOf(stream, shape, random(1));
  const late = blocks(3 * blockCount + 5);
  blocks(2);
  expect(blocks(3 * blockCount + 5)).toEqual(late);
  expect(blocksOf(stream, shape, random(1))(3 * blockCount + 5)).toEqual(late);
});

test("of any number of blocks the share is old text, evenly spread, and both texts are read in order", () => {
  const counting =
    (from: number): Blocks =>
    (number) => ({ stream, texts: [], index: from + number });
  const drawn = first(mixBlocks(counting(1000), counting(0), 0.1), 1000).map(({ index }) => index);
  expect(drawn.filter((index) => index < 1000)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(drawn.filter((index) => index >= 1000)).toEqual(Array.from({ length: 900 }, (_, i) => 1000 + i));
  for (let from = 0; from < 1000; from += 10)
    expect(drawn.slice(from, from + 10).filter((index) => index < 1000)).toHaveLength(1);
});

test("without a share no block is old, and with one the new text is what it was", () => {
  const old = Uint16Array.from({ length: 500 }, () => 60_000);
  const told = (share: number) => blocksOfSource({ stream, replay: { stream: old, share } }, shape, random(2));
  const alone = first(blocksOfSource({ stream }, shape, random(2)), 10);
  expect(first(told(0), 10)).toEqual(alone);
  const mixed = first(told(0.5), 20);
  expect(mixed.filter((block) => block.stream === stream)).toEqual(alone);
  expect(mixed.filter((block) => block.stream === old)).toHaveLength(10);
});

test("a stream that is too short says how long it must be", () => {
  expect(() => blocksOf(stream.subarray(0, 20), shape, random(1))).toThrow("4 rows of 14 need 56");
});
