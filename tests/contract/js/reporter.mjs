// One line of JSON for each test, which tests/contract/test_supabase_js.py reads:
//   node --test-reporter=./tests/contract/js/reporter.mjs tests/contract/js/rpc.test.mjs
import { inspect } from 'node:util'

/** @param {AsyncIterable<{ type: string, data: any }>} source */
export default async function* reporter(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const error = data.details?.error
    yield `${JSON.stringify({
      name: data.name,
      depth: data.nesting,
      passed: type === 'test:pass',
      skipped: data.skip !== undefined || data.todo !== undefined,
      // The runner wraps what was thrown.
      error: error === undefined ? '' : inspect(error.cause ?? error, { depth: 4 }),
    })}\n`
  }
}
