globalThis.polynomial = {};
