import { describeHostile } from "../testing/describe-hostile.ts";
import { describeSandbox } from "../testing/describe-sandbox.ts";
import { quickjs } from "./quickjs.ts";

describeSandbox(quickjs);
describeHostile(quickjs, { count: 300, wallMs: 100 });
