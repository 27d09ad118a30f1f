import type { ListedJob, ListOptions } from '../api.js';
import type { Store } from './store.js';
export async function list(_store: Store, _options: ListOptions): Promise<readonly ListedJob[]> {
  return [];
}
