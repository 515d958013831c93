// console.js: each method of console; what it prints is what Node prints.
console.log('text', 1, -0, 10n, true, null, undefined, Symbol('s'), { a: { b: { c: { d: 1 } } } }, [1, [2]], () => 1, new Map([[1, { x: 'y' }]]), new Set(['z']));
console.log('%s is %d, %i, %f, %j, %o, %O, %%, %c%x', 'it', '7', 7.9, '1.5', { a: 1 }, [1], { b: 2 }, 'css', 'left', 'over');
console.log('100%', 'no format');
console.log();
console.info('info');
console.debug('debug');
console.warn('warn %s', 'x');
console.error('error', { code: 1 });
console.dir({ a: { b: { c: {} } } }, { depth: 0 });
console.dirxml('xml', 1);
console.assert(true, 'never');
console.assert(false, 'said %s', 'so');
console.assert(false);
console.assert(false, { a: 1 });
console.count();
console.count('x');
console.count();
console.countReset();
console.count();
console.group('outer');
console.log('a\nb');
console.groupCollapsed();
console.error('deep');
console.groupEnd();
console.groupEnd();
console.groupEnd();
console.log('flat');
class Refusal extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = 'Refusal';
  }
}
const failed = new TypeError('outer', { cause: new RangeError('inner', { cause: 'text' }) });
console.log(new Error('plain'));
console.error('failed:', new Error('two\nlines'), 'after');
console.log('%s|%o', new Refusal('formatted'), 1, new Error(''));
console.log(failed);
console.log(Object.assign(new Error('with fields'), { code: 'E_ONE', details: { a: [1] } }));
console.log(new AggregateError([new Error('first'), new Refusal('second')], 'all of them'));
console.log({ nested: { error: new Refusal('deep') }, list: [new SyntaxError('in a list')] });
console.log(require('util').inspect(new Refusal('inspected', { cause: failed })), require('util').format('%s', failed));
try { null.x; } catch (error) { console.log(error instanceof TypeError, require('util').inspect(error).startsWith('TypeError: ' + error.message)); }
console.log(Object.assign(new Error('no stack'), { stack: undefined }), Object.assign(new Error('own stack'), { stack: 'mine' }));
console.trace('trace %s', 'x', new Error('traced'));
console.table([{ a: 1, b: 'x' }, { a: 20, c: true }]);
console.table([[1, 2], [3]]);
console.table({ one: { n: 1 }, two: 2 });
console.table([{ a: 1, b: 2 }], ['b', 'none']);
console.table(new Map([['k', 1], ['other', { a: 1 }]]));
console.table(new Set([1, 'two']));
console.table([]);
console.table('text');
console.table([{ a: { b: 1 }, d: [1, 2, 3, 4], e: { f: 1, g: 2, h: 3 } }, null, undefined]);
