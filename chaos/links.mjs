// Connections by way of us: what every proxy of a run does, whatever is spoken on them. `toServer` and
// `toClient` are given what comes on a link, and decide what becomes of it.
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Listens on a free port of the loopback and dials the server for everybody who comes. */
export async function startLinks(dial, { toServer, toClient }) {
  const links = new Set();
  const server = createServer((client) => open(links, client, dial(), { toServer, toClient }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const chosen = (random, count) => random.shuffled([...links]).slice(0, count);
  return {
    links,
    port: server.address().port,
    /** Cuts so many links when they next speak, after half of what they say. */
    cutHalfWay: (random, count) => {
      const some = chosen(random, count);
      for (const link of some) link.cutHalfWay = true;
      return some.length;
    },
    /** Both sides of some links hear nothing for a while. */
    stall: async (random, count, ms) => {
      const some = chosen(random, count);
      for (const { client, upstream } of some) [client, upstream].forEach((one) => one.pause());
      await pause(ms);
      for (const { client, upstream } of some) [client, upstream].forEach((one) => one.resume());
      return some.length;
    },
    /** Lays a trap in every link; false if it did not spring in time. */
    spring: async (trap, timeoutMs) => {
      let sprung = false;
      trap.spring = () => (sprung = true);
      for (const link of links) link.trap = trap;
      for (let waited = 0; waited < timeoutMs && !sprung; waited += 20) await pause(20);
      for (const link of links) if (link.trap === trap) link.trap = undefined;
      return sprung;
    },
    close: () => {
      links.forEach((link) => link.cut());
      server.close();
    },
  };
}

function open(links, client, upstream, { toServer, toClient }) {
  const link = { client, upstream, cutHalfWay: false, trap: undefined };
  link.cut = () => [client, upstream].forEach((socket) => socket.destroy());
  links.add(link);
  for (const socket of [client, upstream])
    socket.on('error', link.cut).on('close', () => (links.delete(link), link.cut()));
  client.on('data', (chunk) => {
    if (link.cutHalfWay)
      upstream.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => link.cut());
    else toServer(link, chunk);
  });
  upstream.on('data', (chunk) => toClient(link, chunk));
}
