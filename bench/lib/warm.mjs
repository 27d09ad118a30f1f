import pg from 'pg';

/** About 1 KiB each: as much as `shared_buffers` and the write-ahead log hold together. */
const ROWS = 2_000_000;

/**
 * Brings a new server to where one is that has been up for a day: memory that is mapped, and segments
 * of the write-ahead log that are there to be used again. Whoever came first would pay for both, and
 * whoever writes most pays most.
 */
export async function warmUp(url, scale) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('create table bench_warm_up(pad text)');
    // By rows, not `create table as`, which keeps to a small ring of buffers.
    await client.query(
      `insert into bench_warm_up select repeat('x', 1000) from generate_series(1, $1::int)`,
      [Math.round(ROWS * Math.min(1, scale))],
    );
    await client.query('drop table bench_warm_up');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}
