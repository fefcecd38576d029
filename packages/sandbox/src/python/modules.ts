/** Modules of the standard library that a Python program may import. All of them work without files and system calls. */
export const pythonModules: readonly string[] =
  "__future__ abc array bisect calendar cmath collections collections.abc contextlib copy dataclasses datetime decimal enum fractions functools heapq inspect itertools json math numbers operator random re statistics string sys textwrap time types typing unicodedata uuid".split(
    " ",
  );
