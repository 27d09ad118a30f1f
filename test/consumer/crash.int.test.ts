import { expect, test } from 'vitest';
import type { EventHandler, Log } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { SILENT } from '../support/ledger.js';
import { startProxy } from '../support/proxy.js';
import { byPartition, caughtUp, openScene, record } from './scene.js';

test('a connection that breaks behind any step, before the answer comes, leaves each effect once', async () => {
  const scene = await openScene();
  const [bad] = await scene.enqueue(8);
  // Parked for good, so that parking and passing by are among the steps.
  const handler: EventHandler = async (event, context) => {
    await record(event, context);
    if (event.streamId === bad) throw new Error('poison');
  };
  const proxy = await startProxy(scene.own);
  const watcher = await scene.consume();
  const expected = (await scene.recorded()).filter(
    ({ partition, position }) => partition !== 0 || position !== 1,
  );
  let deaths = 0;
  for (let step = 1, came = true; came; step += 1) {
    await watcher.seek('start');
    await scene.effects('truncate effects');
    let failures = 0;
    const logger: Log = { ...SILENT, warn: () => void (failures += 1) };
    const options = { database: proxy.url, handler, maxAttempts: 1, logger };
    const mortal = await scene.consume(options);
    const fate = proxy.shutAt(step, 'after');
    await mortal.start().catch(() => (failures += 1));
    await eventually(async () => {
      const status = await watcher.status();
      // With the answer that is lost, not with the question, the proxy shuts.
      return fate.came ? failures > 0 : status.every(({ lagEvents }) => lagEvents === 0);
    });
    came = fate.came;
    deaths += Number(came);
    proxy.shutAt(0, 'after'); // a fate that has not come never comes
    proxy.open();
    await mortal.start();
    await caughtUp(watcher, 20_000);
    await mortal.stop();
    expect(byPartition(await scene.applied()), `step ${step}`).toEqual(expected);
    expect(await watcher.parked(), `step ${step}`).toMatchObject([{ jobId: bad }]);
  }
  expect(deaths).toBeGreaterThan(8);
}, 300_000);
