// A TCP proxy before Postgres that cuts connections where it hurts: in the middle of a statement, or
// after the server has committed and before the client is told. It can also go deaf.
import { connect } from 'node:net';
import { startLinks } from './links.mjs';

/** Starts a proxy before the server of a `pg` configuration. */
export async function startProxy(config) {
  const dial = () => {
    const { host, port } = config;
    return connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  };
  const proxy = await startLinks(dial, { toServer, toClient });
  const { user, password, database } = config;
  const login = `${encodeURIComponent(user)}${password ? `:${encodeURIComponent(password)}` : ''}`;
  return {
    ...proxy,
    url: `postgres://${login}@127.0.0.1:${proxy.port}/${database}`,
    /** Cuts the next link that commits after it has sent such text; false if none did in time. */
    loseCommit: (text, timeoutMs) => proxy.spring({ text }, timeoutMs),
  };
}

function toServer(link, chunk) {
  if (link.trap !== undefined && chunk.includes(link.trap.text)) link.armed = link.trap;
  link.upstream.write(chunk);
}

function toClient(link, chunk) {
  const { armed, trap } = link;
  if (armed === undefined || trap !== armed || !chunk.includes('COMMIT\0'))
    return void link.client.write(chunk);
  armed.spring();
  link.cut();
}
