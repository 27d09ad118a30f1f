// Prints `N passed, N failed, N skipped` over vitest's JSON reports and exits 1 if anything failed.
// Usage: node scripts/sum-tests.mjs FAILED_CHECKS REPORT.json …
import { existsSync, readFileSync } from 'node:fs';

const [failedChecks = '0', ...paths] = process.argv.slice(2);
let passed = 0;
let failed = Number(failedChecks);
let skipped = 0;

for (const path of paths) {
  const report = read(path);
  passed += report?.numPassedTests ?? 0;
  failed += failures(report);
  skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
}

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

function read(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/**
 * Failed tests, plus files that failed without one (they did not load, or a hook threw). A run that
 * ended badly with neither, or left no report, or ran nothing, is one failure, never a success.
 */
function failures(report) {
  if (report === undefined) return 1;
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
  ).length;
  const counted = report.numFailedTests + brokenFiles;
  const isGood = report.success && report.numTotalTests > 0;
  return counted === 0 && !isGood ? 1 : counted;
}
