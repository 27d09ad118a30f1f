import type { Socket } from 'node:net';
import type pg from 'pg';

/** The socket of a client; pg gives it no name in its types. */
export function socketOf(client: pg.ClientBase): Socket | undefined {
  return (client as { readonly connection?: { readonly stream?: Socket } }).connection?.stream;
}

/** Ends a connection whose server does not answer: what is under way on it fails. */
export function cut(client: pg.ClientBase): void {
  socketOf(client)?.destroy();
}
