// Starts a worker whose heartbeat cannot begin, closes the ledger, and then has nothing left to do:
// a timer or thread left behind would keep it. Argument: the URL of a ledger.
import { defineJob, openLedger } from '../../../dist/index.js';

const database = { connectionString: process.argv[2] };
const ledger = await openLedger({ database, logger: false });
const payload = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const worker = ledger.worker({ jobs: [defineJob({ kind: 'a', payload, handle: () => null })] });
// Too late to be found when the worker is made.
database.spoiled = Symbol('cannot be copied');
await worker.start().catch(() => console.log('refused'));
await ledger.close();
console.log('closed');
