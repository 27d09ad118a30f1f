// Opens the embedded Postgres of a folder and obeys lines on stdin: "close" ends well; with a number
// as second argument it opens and closes that often by itself.
import { createInterface } from 'node:readline';
import { openEmbedded } from '../../../dist/embedded/embedded.js';

const [folder, rounds] = process.argv.slice(2);
for (let round = 0; round < Number(rounds ?? 0); round += 1) {
  const server = await openEmbedded({ folder, fast: true });
  await server.close();
}
if (rounds !== undefined) process.exit(0);

const server = await openEmbedded({ folder, fast: true });
console.log(`open ${server.url}`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'close') continue;
  await server.close();
  console.log('closed');
  process.exit(0);
}
