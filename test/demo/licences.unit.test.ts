import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PackageAudit } from '../../src/demo/audit-job.js';
import { licences, licencesWithFile } from '../../src/demo/licences.js';
import type { JobSoFar, Projection, RecordedEvent, Row } from '../../src/index.js';
import { FAILED, job, RECOVERED, succeeded } from './histories.js';

describe('the read model of licences', () => {
  it('adds up in version 1 what the audits found, whatever the order of the events', () => {
    fc.assert(
      fc.property(shuffled(), (audits) => {
        const rows = fold(licences, audits.map(ended));
        expect(rows.size).toBe(new Set(audits.map(nameOf)).size);
        for (const [licence, row] of rows) {
          const its = audits.filter((one) => nameOf(one) === licence);
          expect(row).toEqual({ licence, audits: its.length, ...sums(its) });
        }
      }),
    );
  });

  it('keeps in version 2 the largest file besides, whatever the order of the events', () => {
    fc.assert(
      fc.property(shuffled(), (audits) => {
        const rows = fold(licencesWithFile, audits.map(ended));
        for (const [licence, row] of rows) {
          const its = audits.filter((one) => nameOf(one) === licence);
          const most = Math.max(...its.map(({ largestBytes }) => largestBytes));
          const files = its
            .filter(({ largestBytes }) => largestBytes === most)
            .map(({ largestFile }) => largestFile!);
          const largest = { largest_file: files.sort()[0], largest_bytes: most };
          expect(row).toEqual({ licence, audits: its.length, ...sums(its), ...largest });
        }
      }),
    );
  });

  it.each([licences, licencesWithFile])(
    'counts in version $version no attempt that was lost or failed',
    (version) => {
      const events = [...job(RECOVERED).events, ...job(FAILED).events];
      expect([...fold(version, events).values()]).toMatchObject([{ licence: 'MIT', audits: 1 }]);
    },
  );

  it('takes audits of an earlier release, which tell no largest file', () => {
    const old = { files: 2, bytes: 9, digest: '', licence: 'MIT' };
    const rows = fold(licencesWithFile, [ended(old), ended({ ...AUDIT, bytes: 1 }), ended(old)]);
    expect([...rows.values()]).toEqual([
      { ...{ licence: 'MIT', audits: 3, files: 5, bytes: 19 }, ...AUDITS_FILE },
    ]);
    expect([...fold(licencesWithFile, [ended(old)]).values()]).toMatchObject([
      { largest_file: null, largest_bytes: null },
    ]);
  });

  it.each([undefined, null, 'text', [], { files: '1', bytes: 2 }, { licence: 'MIT' }])(
    'leaves out a result that is no audit: %j',
    (result) => {
      expect(fold(licencesWithFile, [ended(result)]).size).toBe(0);
    },
  );

  it('leaves out jobs of other kinds', () => {
    expect(fold(licences, [{ ...ended(AUDIT), kind: 'package.other' }]).size).toBe(0);
  });

  it('cuts a licence that is too long to be a key', () => {
    const [licence = ''] = fold(licences, [ended({ ...AUDIT, licence: '🦊'.repeat(900) })]).keys();
    expect(licence).toBe('🦊'.repeat(200));
  });
});

const AUDIT: PackageAudit = {
  ...{ files: 1, bytes: 3, digest: '', licence: 'MIT' },
  ...{ largestFile: 'a/index.js', largestBytes: 3 },
};
const AUDITS_FILE = { largest_file: 'a/index.js', largest_bytes: 3 };

/** Few licences, files and sizes, so that rows are shared and the largest files are as large. */
function shuffled() {
  const audit = fc.record<PackageAudit>({
    files: fc.nat(9),
    bytes: fc.nat(99),
    digest: fc.constant(''),
    licence: fc.constantFrom('MIT', 'ISC', null),
    largestFile: fc.constantFrom('a/x.js', 'a/y.js', 'b/x.js'),
    largestBytes: fc.nat(3),
  });
  return fc.array(audit, { maxLength: 12 });
}

function nameOf({ licence }: PackageAudit): string {
  return licence ?? 'none named';
}

function sums(audits: readonly PackageAudit[]) {
  return {
    files: audits.reduce((sum, { files }) => sum + files, 0),
    bytes: audits.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** The event that ends an audit with this result. */
function ended(result: unknown): RecordedEvent {
  const event = job([succeeded(1, 0)]).events[0]!;
  return { ...event, data: { ...event.data, result } } as RecordedEvent;
}

function fold(projection: Projection, events: readonly RecordedEvent[]): Map<string, Row> {
  const table = new Map<string, Row>();
  const soFar = {} as JobSoFar;
  for (const event of events.filter(({ type }) => projection.hears(type))) {
    for (const key of projection.rowsOf(event, soFar)) {
      const licence = key['licence'] as string;
      table.set(licence, projection.fold(table.get(licence), event, soFar, key)!);
    }
  }
  return table;
}
