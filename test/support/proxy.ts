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
  /**
   * Counts what clients send from now on, and shuts at the n-th: before it reaches the server, or when
   * the server has answered it and before the client hears of it. Or it stalls there: neither side hears
   * anything until `open`, and then everything. Tells whether it came to that.
   */
  shutAt(n: number, when: 'before' | 'after' | 'stalled'): { readonly came: boolean };
  /** Stalls in the same way when the server answers what holds this text. Resolves then. */
  stallAfter(text: string): Promise<void>;
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
  let fate: Fate | undefined;
  let stalled: (() => void) | undefined;
  const stall = (goOn: () => void) => {
    stalled = goOn;
    sockets.forEach((socket) => socket.pause());
  };
  const shut = () => {
    state.isShut = true;
    sockets.forEach((socket) => socket.destroy());
  };
  const server = createServer((client) => {
    if (state.isShut) return void client.destroy();
    const upstream = dial();
    let armed: Trap | undefined;
    let doomed = false;
    const cut = () => [client, upstream].forEach((socket) => socket.destroy());
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', cut).on('close', () => (sockets.delete(socket), cut()));
      if (stalled !== undefined) socket.pause();
    }
    client.on('data', (chunk) => {
      state.sent.push(chunk.toString('latin1'));
      if (fate !== undefined && --fate.left === 0) {
        fate.came = true;
        if (fate.when === 'before') return shut();
        if (fate.when === 'stalled') return stall(() => upstream.write(chunk));
        doomed = true;
      }
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
      if (doomed) return shut();
      if (armed?.stalls === true) {
        armed.sprung(() => undefined);
        armed = undefined;
        return stall(() => client.write(chunk));
      }
      if (armed === undefined || !chunk.includes('COMMIT\0')) {
        client.write(chunk);
        return;
      }
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
    stallAfter: (text) =>
      new Promise<void>((resolve) => {
        state.trap = { text, deaf: false, stalls: true, sprung: () => resolve() };
      }),
    stopReadingAfter: (text) =>
      new Promise((sprung) => {
        state.trap = { text, deaf: true, sprung };
      }),
    shutAt: (left, when) => (fate = { left, when, came: false }),
    shut,
    open: () => {
      state.isShut = false;
      stalled?.();
      if (stalled !== undefined) sockets.forEach((socket) => socket.resume());
      stalled = undefined;
    },
  };
}

interface Fate {
  left: number;
  readonly when: 'before' | 'after' | 'stalled';
  came: boolean;
}

interface Trap {
  readonly text: string;
  readonly deaf: boolean;
  readonly stalls?: boolean;
  readonly sprung: (resume: () => void) => void;
}
