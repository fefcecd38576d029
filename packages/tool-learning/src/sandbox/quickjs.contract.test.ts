import { describeHostile } from "./conformance/describe-hostile.fixture.ts";
import { describeSandbox } from "./conformance/describe-sandbox.fixture.ts";
import { quickjs } from "./quickjs.ts";

describeSandbox(quickjs);
describeHostile(quickjs, { count: 300, wallMs: 100 });
