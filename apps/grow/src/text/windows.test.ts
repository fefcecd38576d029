import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { mixRows, rowsOf, windowsOf } from "./windows.ts";

const stream = Uint16Array.from({ length: 2000 }, (_, i) => i); // each piece says its place
const width = 14;
const windows = Math.floor(stream.length / width) - 1;

test("an epoch reads every window once, and the next one cuts elsewhere", () => {
  const rows = windowsOf(stream, width, random(1));
  const starts = Array.from({ length: 2 * windows }, (_, row) => rows(row)[0]!);
  expect(new Set(starts.slice(0, windows)).size).toBe(windows);
  expect(new Set(starts.map((start) => start % width)).size).toBe(2);
});

test("a row's text does not depend on the rows before it", () => {
  const rows = windowsOf(stream, width, random(1));
  const late = rows(3 * windows + 5);
  rows(2);
  expect(rows(3 * windows + 5)).toEqual(late);
  expect(windowsOf(stream, width, random(1))(3 * windows + 5)).toEqual(late);
});

test("of any number of rows the share is old text, evenly spread, and both texts are read in order", () => {
  const share = 0.1;
  const mixed = mixRows(
    (row) => Uint16Array.of(1000 + row),
    (row) => Uint16Array.of(row),
    share,
  );
  const drawn = Array.from({ length: 1000 }, (_, row) => mixed(row)[0]!);
  const old = drawn.filter((value) => value < 1000);
  const fresh = drawn.filter((value) => value >= 1000);
  expect(old).toEqual(Array.from({ length: 100 }, (_, row) => row));
  expect(fresh).toEqual(Array.from({ length: 900 }, (_, row) => 1000 + row));
  for (let from = 0; from < 1000; from += 10)
    expect(drawn.slice(from, from + 10).filter((value) => value < 1000)).toHaveLength(1);
});

test("without a share no row is old, and with one the new text is what it was", () => {
  const old = Uint16Array.from({ length: 500 }, () => 60_000);
  const alone = rowsOf({ stream }, width, random(2));
  const none = rowsOf({ stream, replay: { stream: old, share: 0 } }, width, random(2));
  const half = rowsOf({ stream, replay: { stream: old, share: 0.5 } }, width, random(2));
  const first = Array.from({ length: 10 }, (_, row) => alone(row)[0]);
  expect(Array.from({ length: 10 }, (_, row) => none(row)[0])).toEqual(first);
  const mixed = Array.from({ length: 20 }, (_, row) => half(row)[0]!);
  expect(mixed.filter((piece) => piece < 60_000)).toEqual(first);
});

test("a stream that is too short says how long it must be", () => {
  expect(() => windowsOf(stream.subarray(0, 20), width, random(1))).toThrow("rows of 14 need 28");
});
