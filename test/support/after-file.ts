import { afterAll } from 'vitest';
import { removeFolders } from './folder.js';
import { endProcesses } from './processes.js';

// Test files share their worker's modules, so hooks at the top of a module would serve one file.
afterAll(async () => {
  await endProcesses();
  await removeFolders();
});
