// Many things at once, but not too many. Knows nothing of what they are.

/**
 * Does `work` for every item, `limit` of them at a time, beginning with the first. After a failure nothing more is begun,
 * and the first failure is thrown when everything that was begun is over: nothing goes on behind the caller's back.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const one = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true && failures.length === 0; next = left.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, one));
  if (failures.length > 0) throw failures[0];
}
