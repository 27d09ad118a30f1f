// A TCP proxy before Postgres that cuts connections where it hurts: in the middle of a statement, or
// after the server has committed and before the client is told. It can also go deaf.
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Starts a proxy before the server of a `pg` configuration. */
export async function startProxy(config) {
  const dial = () => {
    const { host, port } = config;
    return connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  };
  const links = new Set();
  const server = createServer((client) => open(links, client, dial()));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { user, password, database } = config;
  const login = `${encodeURIComponent(user)}${password ? `:${encodeURIComponent(password)}` : ''}`;
  return {
    url: `postgres://${login}@127.0.0.1:${server.address().port}/${database}`,
    /** Cuts so many links when they next speak, after half of what they say. */
    cutMidStatement: (random, count) => {
      const chosen = random.shuffled([...links]).slice(0, count);
      for (const link of chosen) link.cutHalfWay = true;
      return chosen.length;
    },
    /** Cuts the next link that commits after it has sent such text; false if none did in time. */
    loseCommit: async (text, timeoutMs) => {
      let sprung = false;
      const trap = { text, spring: () => (sprung = true) };
      for (const link of links) link.trap = trap;
      for (let waited = 0; waited < timeoutMs && !sprung; waited += 20) await pause(20);
      for (const link of links) if (link.trap === trap) link.trap = link.armed = undefined;
      return sprung;
    },
    /** Both sides of some links hear nothing for a while. */
    stall: async (random, count, ms) => {
      const chosen = random.shuffled([...links]).slice(0, count);
      for (const { client, upstream } of chosen) [client, upstream].forEach((one) => one.pause());
      await pause(ms);
      for (const { client, upstream } of chosen) [client, upstream].forEach((one) => one.resume());
      return chosen.length;
    },
    close: () => {
      links.forEach((link) => link.cut());
      server.close();
    },
  };
}

function open(links, client, upstream) {
  const link = { client, upstream, cutHalfWay: false, trap: undefined, armed: undefined };
  link.cut = () => [client, upstream].forEach((socket) => socket.destroy());
  links.add(link);
  for (const socket of [client, upstream]) {
    socket.on('error', link.cut).on('close', () => (links.delete(link), link.cut()));
  }
  client.on('data', (chunk) => toServer(link, chunk));
  upstream.on('data', (chunk) => toClient(link, chunk));
}

function toServer(link, chunk) {
  if (link.cutHalfWay) {
    link.upstream.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), link.cut);
    return;
  }
  if (link.trap !== undefined && chunk.includes(link.trap.text)) link.armed = link.trap;
  link.upstream.write(chunk);
}

function toClient(link, chunk) {
  const { armed } = link;
  if (armed === undefined || link.trap !== armed || !chunk.includes('COMMIT\0')) {
    return void link.client.write(chunk);
  }
  armed.spring();
  link.cut();
}
