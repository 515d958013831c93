// expect.mjs: what Node makes of the cases in interfaces.js, one line "name<tab>outcome" each.
import { createRequire } from 'node:module';
const { cases, outcome } = createRequire(import.meta.url)('./interfaces.js');
for (const name of Object.keys(cases)) console.log(name + '\t' + (await outcome(name)));
