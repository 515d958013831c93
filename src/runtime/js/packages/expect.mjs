// expect.mjs FOLDER: what Node makes of the action in FOLDER: one line {"package": result} per package.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = process.argv[2];
const { main } = createRequire(folder + '/')('./index.js');
for (const name of Object.keys(JSON.parse(readFileSync(folder + '/package.json', 'utf8')).dependencies))
  console.log(name + '\t' + JSON.stringify(main({ package: name })));
