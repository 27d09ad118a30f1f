/** The contestant of a name; loads no other, so that a child process holds just its own. */
export async function loadContestant(name) {
  const { contestant } = await import(`./${name}.mjs`);
  return contestant;
}
