import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import pg from 'pg';
import { onTestFinished } from 'vitest';

/** A TCP proxy before a Postgres server that can misbehave on demand. */
export interface Proxy {
  /** The same database, by way of the proxy. */
  readonly url: string;
  /** All bytes that were sent to the server so far, one character each. */
  readonly sent: string;
  /**
   * Cuts the connection on which this text is next sent to the server, as soon as the server has
   * answered that the transaction is committed: the answer itself never arrives. Resolves then.
   */
  cutCommitAfter(text: string): Promise<void>;
  /**
   * The client on whose connection this text is next sent stops reading, from then on: what the
   * server answers stays with the server once all buffers are full. Resolves then, with the way back.
   */
  stopReadingAfter(text: string): Promise<() => void>;
  /** Cuts every connection, and refuses new ones until `open`. */
  shut(): void;
  open(): void;
}

/** Starts a proxy before the server of a URL; it ends with the test. */
export async function startProxy(url: string): Promise<Proxy> {
  const target = new pg.Client(url); // never connected: it only reads the URL
  const { host, port } = target;
  const dial = () =>
    connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  const sockets = new Set<Socket>();
  const state = { isShut: false, sent: [] as string[], trap: undefined as Trap | undefined };
  const server = createServer((client) => {
    if (state.isShut) return void client.destroy();
    const upstream = dial();
    let armed: Trap | undefined;
    const cut = () => [client, upstream].forEach((socket) => socket.destroy());
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', cut).on('close', () => (sockets.delete(socket), cut()));
    }
    client.on('data', (chunk) => {
      state.sent.push(chunk.toString('latin1'));
      if (state.trap !== undefined && chunk.includes(state.trap.text)) {
        armed = state.trap;
        state.trap = undefined;
      }
      if (armed?.deaf === true) {
        armed.sprung(() => upstream.resume());
        armed = undefined;
        upstream.pause();
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (armed === undefined || !chunk.includes('COMMIT\0')) return void client.write(chunk);
      armed.sprung(() => undefined);
      cut();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = () => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  };
  onTestFinished(end);
  const user = encodeURIComponent(target.user ?? '');
  const password = target.password ? `:${encodeURIComponent(target.password)}` : '';
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `postgres://${user}${password}@127.0.0.1:${own}/${target.database ?? ''}`,
    get sent() {
      return state.sent.join('');
    },
    cutCommitAfter: (text) =>
      new Promise<void>((resolve) => {
        state.trap = { text, deaf: false, sprung: () => resolve() };
      }),
    stopReadingAfter: (text) =>
      new Promise((sprung) => {
        state.trap = { text, deaf: true, sprung };
      }),
    shut: () => {
      state.isShut = true;
      sockets.forEach((socket) => socket.destroy());
    },
    open: () => {
      state.isShut = false;
    },
  };
}

interface Trap {
  readonly text: string;
  readonly deaf: boolean;
  readonly sprung: (resume: () => void) => void;
}
