globalThis.matrix = {};
