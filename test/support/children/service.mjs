// A service that loads jobledger/otel first, and makes one span with a line of pino in it. First
// argument: where jobledger/otel is. With "stay" as the second it runs until it is told to end.
const [, , otel, end] = process.argv;
await import(otel);
const { trace } = await import('@opentelemetry/api');
const { pino } = await import('pino');

trace.getTracer('a service').startActiveSpan('asked', (span) => {
  pino().info('within');
  span.end();
});
if (end === 'stay') setInterval(() => undefined, 1_000);
