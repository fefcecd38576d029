globalThis.rational = {};
