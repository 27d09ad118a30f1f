// Scenes in which one fence of the relay is needed, each forced by signals and by what the proxy holds
// back or loses. A scenario plays on a stage: a ledger of one partition and a topic of its own.
import { END_TXN } from './proxy.mjs';

const IN_TIME_MS = 60_000;

/** The broker commits, and the relay never hears of it. */
export async function lostCommit({ kafkaProxy, enqueue, openRelay, published }) {
  await openRelay('relay');
  await enqueue(3);
  await published();
  const losing = kafkaProxy.loseAnswer(END_TXN, IN_TIME_MS);
  await enqueue(3);
  if (!(await losing)) throw new Error('no acknowledgement was lost');
  await enqueue(1);
  await published();
}

/** A relay is killed between its records and their commit. */
export async function killedInMidTransaction(stage) {
  await heldCommit(stage, 'relay');
  await stage.crew.dismiss('relay', 'SIGKILL');
  await stage.openRelay('successor');
  await stage.enqueue(1);
  await stage.published();
}

/** A relay stops in mid-transaction; another takes over; then the first one's commit arrives after all. */
export async function zombie(stage) {
  const { crew, openRelay, enqueue, published, tell, logged } = stage;
  const release = await heldCommit(stage, 'zombie');
  crew.signal('zombie', 'SIGSTOP');
  await openRelay('successor');
  await enqueue(3);
  await published();
  await release();
  crew.signal('zombie', 'SIGCONT');
  tell('told', { text: await logged('zombie', /an old epoch/) });
  // It goes on, and is all there is in the end.
  await crew.dismiss('successor', 'SIGTERM');
  await enqueue(3);
  await published();
}

/** The database is swapped for an older copy, as by a failover to a replica that was behind. */
export async function failover(stage) {
  const { crew, openRelay, enqueue, touch, published, keepCopy, swapForCopy, refused, tell } =
    stage;
  await openRelay('relay');
  await enqueue(3);
  await published();
  await crew.dismiss('relay', 'SIGTERM');
  await keepCopy();
  await openRelay('relay');
  await enqueue(3);
  await published();
  await crew.dismiss('relay', 'SIGTERM');
  await swapForCopy();
  // Lost positions are given out again, to other jobs; what happens to those stands behind them.
  const ids = await enqueue(3);
  await touch(ids);
  await openRelay('relay');
  tell('told', { text: await refused() });
}

async function heldCommit({ kafkaProxy, enqueue, openRelay, published }, name) {
  await openRelay(name);
  await enqueue(3);
  await published();
  const holding = kafkaProxy.hold(END_TXN, IN_TIME_MS);
  await enqueue(3);
  const release = await holding;
  if (release === undefined) throw new Error('no commit was held');
  return release;
}
