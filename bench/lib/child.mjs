// A process of one contestant: `node child.mjs <producer|worker|projector|relay|reader> <contestant>`. Answers the calls
// that the driver sends, one method of the role each, and ends with the driver.
import { loadContestant } from '../contestants/all.mjs';

const [, , role, name] = process.argv;

process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches the whole group: the driver ends us when the time has come.
process.on('SIGINT', () => undefined);

const { createRole } = await import(`./${role}.mjs`);
const methods = createRole(await loadContestant(name));

process.on('message', ({ id, method, args }) => {
  Promise.resolve()
    .then(() => methods[method](...args))
    .then(
      (result) => process.send({ id, result }),
      (error) => process.send({ id, error: error.stack ?? String(error) }),
    );
});
process.send({ ready: true });
