// Opens the embedded Postgres of a folder and obeys lines on stdin: "close" ends well. Given a number
// of rounds it opens and closes that often by itself instead.
import { createInterface } from 'node:readline';
import { openEmbedded } from '../../../dist/embedded/embedded.js';

const [folder, binFolder, rounds] = process.argv.slice(2);
const options = { folder, fast: true, binFolder: binFolder || undefined };
for (let round = 0; round < Number(rounds ?? 0); round += 1) {
  const server = await openEmbedded(options);
  await server.close();
}
if (rounds !== undefined) process.exit(0);

const server = await openEmbedded(options);
console.log(`open ${server.url}`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'close') continue;
  await server.close();
  process.exit(0);
}
