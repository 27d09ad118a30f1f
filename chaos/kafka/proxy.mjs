// A TCP proxy before the broker, which reads as much of Kafka's protocol as it needs: requests and
// answers are an int32 size and that many bytes; a request begins with an int16 that says what is asked
// (its api key), an int16 version, and an int32 that the answer to it begins with.
import { connect } from 'node:net';
import { startLinks } from '../links.mjs';

/** What is asked, as Kafka numbers it. */
export const PRODUCE = 0;
export const END_TXN = 26;

/** Starts a proxy; `target` gives the broker's own port, which may be known only later. */
export async function startKafkaProxy(target) {
  const dial = () => connect({ host: '127.0.0.1', port: target() });
  const proxy = await startLinks(dial, { toServer, toClient });
  return {
    ...proxy,
    brokers: `127.0.0.1:${proxy.port}`,
    /** Cuts the next link on which such a request is answered; false if none was in time. */
    loseAnswer: (apiKey, timeoutMs) => proxy.spring({ loses: apiKey }, timeoutMs),
    /**
     * The next request of the sort stays here, with all that follows on its link. Resolves when it is
     * held, with the way to let it go, which resolves when it is answered; undefined if none came in time.
     */
    hold: async (apiKey, timeoutMs) => {
      const trap = { holds: apiKey };
      return (await proxy.spring(trap, timeoutMs)) ? trap.release : undefined;
    },
  };
}

function toServer(link, chunk) {
  link.asked ??= new Map();
  link.requests = cutFrames(link.requests, chunk, (frame) => {
    const [apiKey, id] = [frame.readInt16BE(4), frame.readInt32BE(8)];
    link.asked.set(id, apiKey);
    const { trap } = link;
    if (trap?.holds === apiKey && trap.release === undefined) holdBack(link, trap, id);
    if (link.held === undefined) link.upstream.write(frame);
    else link.held.push(frame);
  });
}

function holdBack(link, trap, id) {
  link.held = [];
  const answered = new Promise((resolve) => (link.late = { id, resolve }));
  trap.release = () => {
    for (const frame of link.held) link.upstream.write(frame);
    link.held = undefined;
    return answered;
  };
  trap.spring();
}

function toClient(link, chunk) {
  link.answers = cutFrames(link.answers, chunk, (frame) => {
    const id = frame.readInt32BE(4);
    const apiKey = link.asked.get(id);
    link.asked.delete(id);
    const { trap } = link;
    if (trap?.loses === apiKey && apiKey !== undefined && !trap.done) {
      trap.done = true;
      trap.spring();
      return link.cut();
    }
    link.client.write(frame);
    if (link.late?.id === id) link.late.resolve();
  });
}

/** Gives every whole frame of what came before and this; returns the rest. */
function cutFrames(before, chunk, take) {
  let rest = before === undefined || before.length === 0 ? chunk : Buffer.concat([before, chunk]);
  while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
    const size = 4 + rest.readInt32BE(0);
    take(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return rest;
}
