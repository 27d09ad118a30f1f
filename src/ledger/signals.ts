/** Something has happened that somebody may be waiting for. Only a hint: polling finds it too. */
export type Wake =
  | {
      readonly what: 'ready';
      readonly partition: number;
      readonly queue: string;
      /** True if the job may stand before what was claimed already: a look from the start finds it. */
      readonly returned?: true;
    }
  | { readonly what: 'scheduled' }
  | { readonly what: 'inbox' }
  | { readonly what: 'projections' }
  | { readonly what: 'relays' }
  | { readonly what: 'cancel'; readonly worker: number };

/** Wakes within this process. */
export class Signals {
  readonly #listeners = new Set<(wake: Wake) => void>();

  subscribe(listener: (wake: Wake) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(wake: Wake): void {
    for (const listener of this.#listeners) listener(wake);
  }
}
