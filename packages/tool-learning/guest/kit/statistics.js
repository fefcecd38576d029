globalThis.statistics = {};
