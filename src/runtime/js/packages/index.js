// index.js: an action as a user would write it: node_modules in the archive. main({package}) uses one package and returns what it
// made of known input; packages_test.cc has what is right.
const uses = {
  ajv: (Ajv) => {
    const check = new (Ajv.default ?? Ajv)().compile({ type: 'object', properties: { n: { type: 'integer', minimum: 1 } }, required: ['n'] });
    return [check({ n: 1 }), check({ n: 0 }), check.errors[0].message];
  },
  'bignumber.js': (BigNumber) => new (BigNumber.BigNumber ?? BigNumber)('0.1').plus('0.2').toString(),
  cheerio: ({ load }) => load('<ul><li>a</li><li class=x>b</li></ul>')('li.x').text(),
  'date-fns': ({ addDays, formatISO }) => formatISO(addDays(new Date(Date.UTC(2024, 1, 28)), 2), { representation: 'date' }),
  dayjs: (dayjs) => dayjs('2024-02-28').add(2, 'day').format('YYYY-MM-DD'),
  'fast-xml-parser': ({ XMLParser, XMLBuilder }) => [new XMLParser().parse('<a><b>1</b><b>2</b></a>'), new XMLBuilder().build({ a: { b: 'x<y' } })],
  handlebars: (Handlebars) => Handlebars.compile('{{#each xs}}<{{this}}>{{/each}}')({ xs: ['a', '&'] }),
  'js-yaml': (yaml) => [yaml.load('a: [1, {b: true}]'), yaml.dump({ x: ['y'] })],
  jsonwebtoken: (jwt) => {
    const token = jwt.sign({ sub: 'ada' }, 'secret', { noTimestamp: true });
    return [token, jwt.verify(token, 'secret').sub];
  },
  lodash: (_) => [_.groupBy([1, 2, 3], (n) => (n % 2 ? 'odd' : 'even')), _.template('hi <%= name %>')({ name: 'Ada' }), _.camelCase('a-b c')],
  marked: ({ marked, parse }) => (marked?.parse ?? parse)('# T\n\n- *x*'),
  moment: (moment) => moment.utc('2024-02-28').add(2, 'days').format('YYYY-MM-DD dddd'),
  mustache: (mustache) => mustache.render('{{#xs}}{{.}},{{/xs}}{{&h}}', { xs: [1, 2], h: '<b>' }),
  nanoid: ({ nanoid, customAlphabet }) => [nanoid().length, nanoid() !== nanoid(), customAlphabet('a', 4)()],
  papaparse: (Papa) => [Papa.parse('a,b\n1,"x,y"', { header: true }).data, Papa.unparse([{ a: 1, b: 'x,y' }])],
  qs: (qs) => [qs.parse('a[b]=1&a[c][]=2'), qs.stringify({ a: { b: [1, 2] } }, { encode: false })],
  semver: (semver) => [semver.satisfies('1.2.3', '^1.1'), semver.inc('1.2.3', 'minor'), semver.sort(['2.0.0', '1.0.0'])],
  uuid: ({ v4, v5, validate }) => [validate(v4()), v4() !== v4(), v5('example.org', v5.DNS)],
  validator: (validator) => [validator.isEmail('a@example.org'), validator.isEmail('a@'), validator.escape('<'), validator.isIBAN('DE89370400440532013000')],
  yaml: (YAML) => [YAML.parse('a:\n  - 1\n  - b: !!str 2'), YAML.stringify({ x: ['y'] })],
  zod: ({ z }) => [z.object({ n: z.number() }).safeParse({ n: 1 }).success, z.object({ n: z.number() }).safeParse({ n: 'x' }).error.issues[0].path],
};

// What to ask for where it is not the package's name: cheerio's main entry needs a network client, its slim one does not.
const entries = { cheerio: 'cheerio/slim' };

exports.entryOf = (name) => entries[name] ?? name;
exports.use = (name, loaded) => ({ result: uses[name](loaded) });
exports.main = ({ package: name }) => exports.use(name, require(exports.entryOf(name)));
