import { expect, it } from 'vitest';
import { asStoreError } from '../../src/sql-errors.js';

it.each([
  ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'a password is needed'],
  [
    'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
    'a password is needed',
  ],
  ['Password must be a string', 'a password is needed'],
  ['SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match', 'SASL: SCRAM'],
])('a login that the driver gives up (%s) is told as a login refused', (message, text) => {
  expect(asStoreError(new Error(message))).toMatchObject({
    code: 'STORE_UNREACHABLE',
    message: expect.stringContaining(`database: login refused: ${text}`) as unknown,
  });
});

it.each([
  ...['ECONNABORTED', 'EADDRNOTAVAIL', 'EHOSTDOWN', 'ENETDOWN', 'ENETRESET', 'ENFILE'].map(
    (code) => ({
      ...{ code, message: `connect ${code} 10.0.0.1:5432` },
    }),
  ),
  { message: 'Query read timeout' },
])('a store that does not answer ($message) is told as one that cannot be reached', (facts) => {
  const error = Object.assign(new Error(facts.message), facts);
  expect(asStoreError(error)).toMatchObject({
    code: 'STORE_UNREACHABLE',
    message: `database: cannot be reached: ${facts.message}`,
  });
});

it('an error about something else is left as it is', () => {
  const error = new Error('a row is wrong');
  expect(asStoreError(error)).toBe(error);
});
