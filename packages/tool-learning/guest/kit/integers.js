globalThis.integers = {};
