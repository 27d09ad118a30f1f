// Loads each module that it is given as the command does, or the shipped list if none is given, and
// tells one line of JSON for each.
import { loadProjections } from '../../../dist/cli/load-projections.js';

const paths = process.argv.slice(2);
for (const path of paths.length === 0 ? [undefined] : paths) {
  const answer = await loadProjections(path).then(
    (list) => ({ loaded: list.map(({ name, version }) => `${name} ${version}`) }),
    ({ code, message }) => ({ code, message }),
  );
  console.log(JSON.stringify(answer));
}
